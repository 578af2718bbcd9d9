-- As of a new account.
{insert-select}
where not exists (
    select 1 from unit_balance as balance
    where balance.account_id = {account_id} and balance.unit = {unit}
)
