-- While `is_slow`, each move of the projector's checkpoint takes as long as a test needs to stop the
-- projector within its transaction.
create table public.slow_projector (is_slow boolean);
insert into public.slow_projector values (false);
create function public.slow_down() returns trigger language plpgsql as $$
begin
    if (select is_slow from public.slow_projector) then
        perform pg_sleep(0.5);
    end if;
    return new;
end $$;
create trigger slow_down before update on guerdon_read_model.checkpoint
for each row execute function public.slow_down()
