-- How far a warehouse's requests are, after a place and up to another.
select place, generation, status, coalesce(lines_left, lines) as lines_left, recorded_at
from shipping_request
where warehouse = $1 and place > $2 and place <= $3
order by place
limit $4
