update guerdon_log.event
set private = null
where partition = $1 and position = any($2::bigint[])
