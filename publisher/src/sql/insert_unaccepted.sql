-- One that is sent again already is due as soon as either says, and asked for if either says so. Its
-- id is what the log has now, where it was forked.
insert into unaccepted
    (place, shipping_request_id, feed, attempts, due_at, is_overdue, is_asked_for)
values ($1, $2, $3, $4, $5, 0, $6)
on conflict (place) do update set
    shipping_request_id = excluded.shipping_request_id,
    due_at = case when unaccepted.due_at < excluded.due_at
        then unaccepted.due_at else excluded.due_at end,
    is_asked_for = case when unaccepted.is_asked_for = 1
        then 1 else excluded.is_asked_for end
