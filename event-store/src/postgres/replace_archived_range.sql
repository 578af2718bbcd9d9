update guerdon_log.archived_range
set file = $3, sha256 = $4, members = cast($5::text as json)
where partition = $1 and first_position = $2 and file = $6
