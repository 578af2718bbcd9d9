-- How many partitions the rebuilt tables have projected less far than the live ones. Live ones of an
-- older generation may be of a history that was lost, and are never waited for.
select count(*)
from main.checkpoint as live
left join rebuilt.checkpoint as rebuilt on rebuilt."partition" = live."partition"
where
    rebuilt.position is null
    or (rebuilt.position < live.position and rebuilt.generation <= live.generation)
