update shipping_request as request
set
    lines = change.lines,
    status = change.status,
    carrier = change.carrier,
    express_no = change.express_no,
    changed_at = change.changed_at
from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    as change (place, lines, status, carrier, express_no, changed_at)
where request.place = change.place
