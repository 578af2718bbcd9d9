-- If a later change came first, its lines and its cancellation stay.
insert into parcel
    (shipping_request_id, state, account_id, deliver_to, lines, lines_sequence, accepted_at)
values (?1, ?2, ?3, ?4, ?5, ?6, unixepoch('subsec') * 1000)
on conflict (shipping_request_id) do update set
    state = iif(state = 'announced', excluded.state, state),
    deliver_to = excluded.deliver_to,
    accepted_at = excluded.accepted_at
returning state
