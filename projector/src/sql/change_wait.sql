-- A unit that is kept, and the end, may come in several batches.
update wait
set
    status = coalesce({status}, wait.status),
    deadline = coalesce({deadline}, wait.deadline),
    served = coalesce({served}, wait.served),
    served_at = coalesce({served_at}, wait.served_at),
    ended = coalesce({ended}, wait.ended),
    ended_at = coalesce({ended_at}, wait.ended_at)
{from}
where wait.account_id = {account_id} and wait.wait_id = {wait_id}
