-- How many partitions the rebuilt tables have projected less far than the live ones.
select count(*)
from main.checkpoint as live
left join rebuilt.checkpoint as rebuilt on rebuilt."partition" = live."partition"
where rebuilt.position is null or rebuilt.position < live.position
