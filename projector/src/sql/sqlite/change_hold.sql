-- What it keeps, how it ended and what it paid may come in several batches.
update hold
set
    status = coalesce(?3, status),
    captured_points = coalesce(?4, captured_points),
    exchange_id = coalesce(?5, exchange_id),
    lots = coalesce(?6, lots)
where account_id = ?1 and hold_id = ?2
