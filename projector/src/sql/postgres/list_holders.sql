-- Who holds a live table, the oldest transaction first.
select
    format(
        'process %s of the server (%s, %s) has held %s since %s', activity.pid,
        coalesce(nullif(activity.application_name, ''), 'unnamed'), activity.state,
        string_agg(distinct held.relation::regclass::text, ', '),
        date_trunc('second', activity.xact_start)
    )
from pg_locks as held
join pg_class as tables on tables.oid = held.relation
join pg_stat_activity as activity on activity.pid = held.pid
where held.granted
    and held.database = (select oid from pg_database where datname = current_database())
    and tables.relnamespace = 'guerdon_read_model'::regnamespace
    and tables.relkind = 'r'
    and held.pid <> pg_backend_pid()
group by activity.pid, activity.application_name, activity.state, activity.xact_start
order by activity.xact_start
limit 3
