-- A warehouse's messages after a place, up to another, in the order of the log.
select *
from (
    select *
    from (
        select place, generation, 'requested' as kind, place as request,
            generation as request_generation, account_id, exchange_id, purchase_id, lines,
            deliver_to, warehouse, lane, sequence, recorded_at, traceparent
        from shipping_request
        where warehouse = $1 and place > $2 and place <= $3
        order by place
        limit $4
    ) as requested
    union all
    select *
    from (
        select change.place, change.generation, change.kind, request.place,
            request.generation, request.account_id, request.exchange_id,
            request.purchase_id, change.lines, null, request.warehouse, request.lane,
            change.sequence, change.recorded_at, change.traceparent
        from shipping_change as change
        join shipping_request as request on request.place = change.request
        where change.warehouse = $1 and change.place > $2 and change.place <= $3
        order by change.place
        limit $4
    ) as changed
) as message
order by place
limit $4
