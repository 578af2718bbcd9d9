-- All of them at once. What is deleted and inserted again in one statement would collide with
-- itself, so what stays stays.
with gone as (
    delete from guerdon_log.api_key
    where hash <> all ($2::bytea[])
)
insert into guerdon_log.api_key (role, hash)
select role, hash
from unnest($1::text[], $2::bytea[]) as new (role, hash)
on conflict (hash) do update set role = excluded.role
