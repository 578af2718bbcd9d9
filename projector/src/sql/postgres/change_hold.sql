-- What it keeps, how it ended and what it paid may come in several batches.
update hold
set
    status = coalesce(change.status, hold.status),
    captured_points = coalesce(change.captured_points, hold.captured_points),
    exchange_id = coalesce(change.exchange_id, hold.exchange_id),
    lots = coalesce(change.lots, hold.lots)
from (
    select
        unnest($1::text[]) as account_id, unnest($2::text[]) as hold_id,
        unnest($3::text[]) as status, unnest($4::bigint[]) as captured_points,
        unnest($5::text[]) as exchange_id, unnest($6::text[]) as lots
) as change
where hold.account_id = change.account_id and hold.hold_id = change.hold_id
