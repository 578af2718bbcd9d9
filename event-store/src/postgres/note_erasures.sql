-- An erasure that is noted stays as it is.
insert into guerdon_log.erasure (partition, position, account_id, until, asked_at)
select partition, position, account_id, cast(cast(public as json) ->> 'until' as bigint), recorded_at
from guerdon_log.event
where type = 'account-erased' and account_id is not null
    and not exists (
        select 1
        from guerdon_log.erasure
        where erasure.partition = event.partition and erasure.position = event.position
    )
on conflict do nothing
