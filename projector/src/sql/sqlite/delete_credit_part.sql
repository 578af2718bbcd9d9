delete from credit_part
where account_id = ?1 and expires_at = ?2 and lot = ?3 and graced = ?4
