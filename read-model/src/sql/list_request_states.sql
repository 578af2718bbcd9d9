-- How far a warehouse's requests are, after a place and up to another.
select place, generation, status, coalesce(lines_left, lines) as lines_left, recorded_at
from shipping_request
where {range}
limit $4
