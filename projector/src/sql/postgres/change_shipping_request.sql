update shipping_request as request
set
    lines_left = change.lines_left,
    status = change.status,
    status_since = change.status_since,
    reason = change.reason,
    carrier = change.carrier,
    express_no = change.express_no,
    crossed = change.crossed,
    changed_at = change.changed_at
from (
    select
        unnest($1::bigint[]) as place, unnest($2::text[]) as lines_left,
        unnest($3::text[]) as status, unnest($4::bigint[]) as status_since,
        unnest($5::text[]) as reason, unnest($6::text[]) as carrier,
        unnest($7::text[]) as express_no, unnest($8::boolean[]) as crossed,
        unnest($9::bigint[]) as changed_at
) as change
where request.place = change.place
