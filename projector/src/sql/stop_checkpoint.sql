update checkpoint
set stopped_at = $2, stopped_why = $3
where "partition" = $1
