-- Fails if the live tables are ahead of the rebuilt ones in a partition. The later generation wins,
-- then the higher position.
do $$ begin
    if exists (
        select 1
        from guerdon_read_model.checkpoint as live
        left join guerdon_read_model_rebuild.checkpoint as rebuilt
            on rebuilt."partition" = live."partition"
        where rebuilt.position is null
            or (rebuilt.generation, rebuilt.position) < (live.generation, live.position)
    ) then
        raise exception 'the live tables are ahead of the rebuilt ones' using errcode = 'GU001';
    end if;
end $$
