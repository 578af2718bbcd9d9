insert into api_key (id, hash, role, label, scopes, account_id, name, created_at,
    expires_at, revoked_at, last_used_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
