-- All versions of all ladders, as a partition knows them, in its order, each with the zone of its unit,
-- as one text.
select json_group_array(
    json_array(
        ladder.ladder, ladder.version, json(ladder.terms), ladder.position,
        ladder.recorded_at, unit.time_zone
    ) order by ladder.position
) as versions
from ladder
join unit on unit.unit = ladder.unit
where ladder."partition" = $1
