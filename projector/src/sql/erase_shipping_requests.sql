-- Of one type.
update shipping_request
set deliver_to = null, reason = null
{from}
where shipping_request.account_id = {account_id} and shipping_request.place > {after}
    and shipping_request.place <= {until} and shipping_request.type = {type}
