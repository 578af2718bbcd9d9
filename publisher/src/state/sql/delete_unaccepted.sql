-- Keeps the row if an operator requested a resend since it was read.
delete from unaccepted where place = $1 and is_asked_for = $2
