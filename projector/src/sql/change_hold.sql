-- What it keeps, until when, how it ended, what it paid and what came back may come in several batches.
update hold
set
    status = coalesce({status}, hold.status),
    captured_points = coalesce({captured_points}, hold.captured_points),
    refunded_points = hold.refunded_points + {refunded_points},
    deadline = coalesce({deadline}, hold.deadline),
    exchange_id = coalesce({exchange_id}, hold.exchange_id),
    lots = coalesce({lots}, hold.lots),
    ended = coalesce({ended}, hold.ended),
    ended_at = coalesce({ended_at}, hold.ended_at)
{from}
where hold.account_id = {account_id} and hold.hold_id = {hold_id} and hold.part = {part}
