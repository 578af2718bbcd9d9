-- All versions of all ladders, as a partition knows them, in its order, as one JSON text.
select json_group_array(
    json_array(ladder, version, json(terms), position, recorded_at, 'UTC')
    order by position
)
from ladder
where "partition" = ?1
