-- The first revocation counts.
update guerdon_log.api_key set revoked_at = $2 where id = $1 and revoked_at is null
