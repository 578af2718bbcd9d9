-- $6 is is_asked_for when the row was read. A resend that an operator requested since then stays due.
update unaccepted
set attempts = $2,
    due_at = case when is_asked_for = $6 then $3 else due_at end,
    is_overdue = $4,
    is_asked_for = case when is_asked_for = $6 then $5 else is_asked_for end
where place = $1
