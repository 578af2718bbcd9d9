update erasure
set log_at = ?2, archive_at = ?3, read_model_at = ?4, ranges = ?5, done_at = ?6
where place = ?1
