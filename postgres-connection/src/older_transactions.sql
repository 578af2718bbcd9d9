-- Whether any transaction, standby or slot may still see rows as they were before this transaction.
select exists (
    select 1
    from (
        select backend_xmin as xmin
        from pg_stat_activity
        where pid <> pg_backend_pid() and (datname = current_database() or datname is null)
        union all
        select xmin from pg_replication_slots
        union all
        select transaction from pg_prepared_xacts where database = current_database()
    ) as seen
    where seen.xmin is not null and age(seen.xmin) > age(cast(cast($1 as text) as xid))
)
