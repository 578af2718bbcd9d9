-- Of those that were to be changed: the change is all that is there.
insert into credit_part (account_id, expires_at, lot, graced, available, held, pending)
select *
from unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[]
) as change (account_id, expires_at, lot, graced, available, held, pending)
where not exists (
    select 1 from credit_part as part
    where part.account_id = change.account_id
        and part.expires_at = change.expires_at
        and part.lot = change.lot
        and part.graced = change.graced
)
