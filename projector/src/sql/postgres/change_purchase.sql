update purchase
set
    lines = change.lines,
    returned_points = purchase.returned_points + change.returned_points,
    withdrawn_points = purchase.withdrawn_points + change.withdrawn_points
from (
    select
        unnest($1::bigint[]) as place, unnest($2::text[]) as lines,
        unnest($3::bigint[]) as returned_points, unnest($4::bigint[]) as withdrawn_points
) as change
where purchase.place = change.place
