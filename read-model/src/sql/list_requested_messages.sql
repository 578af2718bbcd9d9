-- A warehouse's requests after a place, up to another, in the order of the log, as messages.
select place, generation, 'requested' as kind, place as request,
    generation as request_generation, account_id, exchange_id, purchase_id, lines,
    deliver_to, warehouse, lane, sequence, recorded_at, traceparent, status,
    coalesce(lines_left, lines) as lines_left
from shipping_request
where {range}
limit $4
