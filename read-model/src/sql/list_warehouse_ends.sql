-- Where the warehouses' messages end whose lanes have changed: after a place, up to another.
select warehouse, max(last_place) as last_place
from lane
where last_place > $1 and last_place <= $2
group by warehouse
