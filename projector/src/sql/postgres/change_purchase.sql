update purchase
set
    lines = change.lines,
    returned_points = purchase.returned_points + change.returned_points,
    withdrawn_points = purchase.withdrawn_points + change.withdrawn_points
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
    as change (place, lines, returned_points, withdrawn_points)
where purchase.place = change.place
