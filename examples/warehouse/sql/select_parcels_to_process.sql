select shipping_request_id, state, lines from parcel
where state in ('back-ordered', 'dispatched')
    or (state = 'accepted' and accepted_at <= unixepoch('subsec') * 1000 - ?1)
