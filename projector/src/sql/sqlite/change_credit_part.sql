-- Gives what is left: a part with nothing left is deleted next.
update credit_part
set available = available + ?5, held = held + ?6, pending = pending + ?7
where account_id = ?1 and expires_at = ?2 and lot = ?3 and graced = ?4
returning available + held + pending
