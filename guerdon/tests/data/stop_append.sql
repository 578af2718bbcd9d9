-- Stops appends where public.stop_append says, until they are cut off, or refuses them as a full
-- disk would; for the fault tests.
create table public.stop_append (at text not null);
insert into public.stop_append values ('');
create function public.stop_append() returns trigger language plpgsql as $$
begin
    if exists (select from public.stop_append where at = tg_argv[0]) then
        perform pg_sleep(20);
    end if;
    if exists (select from public.stop_append where at = 'full') then
        raise disk_full;
    end if;
    return null;
end $$;
create trigger stop_append after insert on guerdon_log.event
    for each statement execute function public.stop_append('insert');
create constraint trigger stop_commit after update of position on guerdon_log.partition_head
    deferrable initially deferred
    for each row execute function public.stop_append('commit');
