select exists (
    select 1
    from event
    where type = 'account-erased' and account_id is not null
        and not exists (select 1 from erasure where erasure.place = event.place)
)
