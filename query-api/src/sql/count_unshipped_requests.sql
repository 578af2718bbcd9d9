-- An index has an account's requests of each type.
select
    (
        select count(*)
        from shipping_request
        where account_id = $1 and type = 1
            and status in ('requested', 'accepted', 'back-ordered', 'partly-dispatched')
    )
    + (
        select count(*)
        from shipping_request
        where account_id = $1 and type = 2
            and status in ('requested', 'accepted', 'back-ordered', 'partly-dispatched')
    ) as requests
