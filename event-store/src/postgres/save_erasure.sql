update guerdon_log.erasure
set log_at = $3, archive_at = $4, read_model_at = $5, ranges = $6, done_at = $7
where partition = $1 and position = $2
