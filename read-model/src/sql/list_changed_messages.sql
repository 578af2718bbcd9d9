-- A warehouse's reductions and cancellations after a place, up to another, in the order of the log, as
-- messages.
select change.place, change.generation, change.kind, request.place as request,
    request.generation as request_generation, request.account_id, request.exchange_id,
    request.purchase_id, change.lines, null as deliver_to, request.warehouse, request.lane,
    change.sequence, change.recorded_at, change.traceparent, request.status,
    coalesce(request.lines_left, request.lines) as lines_left
from shipping_change as change
join shipping_request as request on request.place = change.request
where {range}
limit $4
