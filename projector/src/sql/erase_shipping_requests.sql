-- A request has the place of the exchange or purchase that asked for it.
update shipping_request
set deliver_to = null, reason = null
{from-with} {goods}
where {goods}.account_id = {account_id} and {goods}.place > {after} and {goods}.place <= {until}
    and shipping_request.place = {goods}.place
