-- An erasure that is noted stays as it is.
insert into erasure (place, account_id, until, asked_at)
select place, account_id, json_extract(public, '$.until'), recorded_at
from event
where type = 'account-erased' and account_id is not null
on conflict do nothing
