-- Who had something erased is kept.
update operation
set subject = null, name = null, "by" = null, reason = null
{from}
where operation.account_id = {account_id} and operation.place > {after}
    and operation.place <= {until} and operation.type <> 'account-erased'
