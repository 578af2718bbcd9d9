-- All versions of all ladders, as a partition knows them, in its order, each with the zone of its unit,
-- as one text.
select cast(json_agg(
    json_build_array(
        ladder.ladder, ladder.version, cast(ladder.terms as json), ladder.position,
        ladder.recorded_at, unit.time_zone
    ) order by ladder.position
) as text) as versions
from ladder
join unit on unit.unit = ladder.unit
where ladder."partition" = $1
