-- Those of new accounts: the change is the balance. (An upsert would not do for one that is there:
-- its check looks at the row that would be inserted, where a change may well be below nought.)
insert into account_balance (
    account_id, available, held, pending, owed, position, "partition"
)
select *
from unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[]
) as change (account_id, available, held, pending, owed, position, "partition")
where not exists (
    select 1 from account_balance as balance
    where balance.account_id = change.account_id
)
