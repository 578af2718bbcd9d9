-- All versions of all ladders, as a partition knows them, in its order, as one JSON text.
select cast(json_agg(
    json_build_array(ladder, version, cast(terms as json), position, recorded_at, 'UTC')
    order by position
) as text)
from ladder
where "partition" = $1
