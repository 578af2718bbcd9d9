-- All versions of all ladders in the order of the log, as one JSON text.
select json_group_array(
    json_array(ladder, version, json(terms), position, recorded_at, 'UTC')
    order by "partition", position
)
from ladder
