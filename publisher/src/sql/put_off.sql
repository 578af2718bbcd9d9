update unaccepted
set attempts = $2, due_at = $3, is_overdue = $4, is_asked_for = $5
where place = $1
