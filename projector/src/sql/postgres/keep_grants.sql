-- What others may do with the live tables they may do with those that take their places, which also
-- get the same owner.
do $$
declare
    live record;
begin
    for live in
        select relname, privilege_type,
            case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
        from pg_class
        cross join aclexplode(relacl)
        where relnamespace = 'guerdon_read_model'::regnamespace
            and relkind = 'r'
            and to_regclass(format('guerdon_read_model_rebuild.%I', relname)) is not null
            and grantee <> relowner
    loop
        execute format(
            'grant %s on guerdon_read_model_rebuild.%I to %s',
            live.privilege_type, live.relname, live.grantee
        );
    end loop;
    for live in
        select old.relname, pg_get_userbyid(old.relowner) as owner
        from pg_class as old
        join pg_class as new on new.relname = old.relname
        where old.relnamespace = 'guerdon_read_model'::regnamespace
            and new.relnamespace = 'guerdon_read_model_rebuild'::regnamespace
            and old.relkind = 'r'
            and old.relowner <> new.relowner
    loop
        execute format('alter table guerdon_read_model_rebuild.%I owner to %I', live.relname, live.owner);
    end loop;
end $$
