-- All versions of all ladders in the order of the log, as one JSON text.
select cast(json_agg(
    json_build_array(ladder, version, cast(terms as json), position, recorded_at, 'UTC')
    order by "partition", position
) as text)
from ladder
