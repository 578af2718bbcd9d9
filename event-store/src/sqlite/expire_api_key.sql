-- A key's end can be brought forward, and never put off.
update api_key set expires_at = ?2 where id = ?1 and (expires_at is null or expires_at > ?2)
