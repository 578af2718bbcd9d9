-- A row that exists already gets the earlier due time, and stays asked for if either is. Its id
-- becomes that of the present log, which may have been forked.
insert into unaccepted
    (place, shipping_request_id, feed, attempts, due_at, is_overdue, is_asked_for)
values ($1, $2, $3, $4, $5, 0, $6)
on conflict (place) do update set
    shipping_request_id = excluded.shipping_request_id,
    due_at = case when unaccepted.due_at < excluded.due_at
        then unaccepted.due_at else excluded.due_at end,
    is_asked_for = case when unaccepted.is_asked_for = 1
        then 1 else excluded.is_asked_for end
