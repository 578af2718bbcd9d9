-- Of those that were to be changed: the change is all that is there.
insert into credit_part (account_id, expires_at, lot, graced, available, held, pending)
select *
from (
    select
        unnest($1::text[]) as account_id, unnest($2::bigint[]) as expires_at,
        unnest($3::bigint[]) as lot, unnest($4::boolean[]) as graced,
        unnest($5::bigint[]) as available, unnest($6::bigint[]) as held,
        unnest($7::bigint[]) as pending
) as change
where not exists (
    select 1 from credit_part as part
    where part.account_id = change.account_id
        and part.expires_at = change.expires_at
        and part.lot = change.lot
        and part.graced = change.graced
)
