select exists (
    select 1
    from guerdon_log.event
    where type = 'account-erased' and account_id is not null
        and not exists (
            select 1
            from guerdon_log.erasure
            where erasure.partition = event.partition and erasure.position = event.position
        )
)
