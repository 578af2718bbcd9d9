-- Those of new accounts: the change is the balance. (An upsert would not do for one that is there:
-- its check looks at the row that would be inserted, where a change may well be below nought.)
insert into account_balance (
    account_id, available, held, pending, owed, position, "partition"
)
select *
from (
    select
        unnest($1::text[]) as account_id, unnest($2::bigint[]) as available,
        unnest($3::bigint[]) as held, unnest($4::bigint[]) as pending,
        unnest($5::bigint[]) as owed, unnest($6::bigint[]) as position,
        unnest($7::bigint[]) as "partition"
) as change
where not exists (
    select 1 from account_balance as balance
    where balance.account_id = change.account_id
)
