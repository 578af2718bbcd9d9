-- Shipping requests for what nobody got or bought: the exchange or purchase stands at the same place.
select request.warehouse || ' ' || request.account_id || '/'
    || coalesce(request.exchange_id, request.purchase_id), cast(1 as bigint), cast(0 as bigint)
from shipping_request as request
left join exchange on exchange.place = request.place and exchange.account_id = request.account_id
    and exchange.exchange_id = request.exchange_id
left join purchase on purchase.place = request.place and purchase.account_id = request.account_id
    and purchase.purchase_id = request.purchase_id
where exchange.place is null and purchase.place is null
order by request.place
limit {limit}
