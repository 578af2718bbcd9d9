-- Of those that were to be changed: the change is all that is there.
{insert-select}
where not exists (
    select 1 from credit_part as part
    where part.account_id = {account_id}
        and part.expires_at = {expires_at}
        and part.lot = {lot}
        and part.graced = {graced}
)
