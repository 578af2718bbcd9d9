-- The lines of the message with the highest sequence count. A parcel that has left stays as it is.
insert into parcel (shipping_request_id, state, account_id, lines, lines_sequence)
values (?1, iif(?2, 'cancelled', 'announced'), ?3, ?4, ?5)
on conflict (shipping_request_id) do update set
    lines = iif(excluded.lines_sequence > lines_sequence, excluded.lines, lines),
    lines_sequence = max(excluded.lines_sequence, lines_sequence),
    state = iif(?2, 'cancelled', state)
where state in ('announced', 'accepted', 'back-ordered', 'cancelled')
