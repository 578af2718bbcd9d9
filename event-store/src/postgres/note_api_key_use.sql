-- The latest use counts, whichever process writes first.
update guerdon_log.api_key set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)
