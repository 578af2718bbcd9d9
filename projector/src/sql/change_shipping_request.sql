update shipping_request
set
    lines_wanted = {lines_wanted},
    lines_left = {lines_left},
    status = {status},
    status_since = {status_since},
    reason = {reason},
    carrier = {carrier},
    express_no = {express_no},
    parcels = {parcels},
    crossed = {crossed},
    changed_at = {changed_at}
{from}
where shipping_request.place = {place}
