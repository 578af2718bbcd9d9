-- The message at a place, if there is one.
select place, generation, 'requested' as kind, place as request,
    generation as request_generation, account_id, exchange_id, purchase_id, lines,
    deliver_to, warehouse, lane, sequence, recorded_at, traceparent, status,
    coalesce(lines_left, lines) as lines_left
from shipping_request
where place = $1
union all
select change.place, change.generation, change.kind, request.place,
    request.generation, request.account_id, request.exchange_id,
    request.purchase_id, change.lines, null, request.warehouse, request.lane,
    change.sequence, change.recorded_at, change.traceparent, request.status,
    coalesce(request.lines_left, request.lines)
from shipping_change as change
join shipping_request as request on request.place = change.request
where change.place = $1
