update shipping_request as request
set
    lines = change.lines,
    status = change.status,
    carrier = change.carrier,
    express_no = change.express_no,
    changed_at = change.changed_at
from (
    select
        unnest($1::bigint[]) as place, unnest($2::text[]) as lines, unnest($3::text[]) as status,
        unnest($4::text[]) as carrier, unnest($5::text[]) as express_no,
        unnest($6::bigint[]) as changed_at
) as change
where request.place = change.place
