-- A new account's: the change is the balance. (An upsert would not do for one that is there: its
-- check looks at the row that would be inserted, where a change may well be below zero.)
{insert-select}
where not exists (
    select 1 from account_balance as balance
    where balance.account_id = {account_id}
)
