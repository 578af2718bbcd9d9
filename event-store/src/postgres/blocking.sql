-- who keeps a backend waiting; of others' transactions only a superuser sees more than the number
select format(
    'backend %s of %s (%s), open for %s s', pid, coalesce(usename, 'somebody'),
    coalesce(nullif(application_name, ''), 'without a name'),
    coalesce(extract(epoch from clock_timestamp() - xact_start)::integer::text, '?')
)
from pg_stat_activity
where pid = any(pg_blocking_pids($1))
