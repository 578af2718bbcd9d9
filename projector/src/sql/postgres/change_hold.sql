-- What it keeps, how it ended and what it paid may come in several batches.
update hold
set
    status = coalesce(change.status, hold.status),
    captured_points = coalesce(change.captured_points, hold.captured_points),
    exchange_id = coalesce(change.exchange_id, hold.exchange_id),
    lots = coalesce(change.lots, hold.lots)
from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
    as change (account_id, hold_id, status, captured_points, exchange_id, lots)
where hold.account_id = change.account_id and hold.hold_id = change.hold_id
