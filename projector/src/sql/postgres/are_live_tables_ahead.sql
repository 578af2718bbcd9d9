-- Whether the live tables have projected more of a partition than the rebuilt ones. After a fork of
-- the log what has fewer events may be further: its generation is a later one.
select exists (
    select 1
    from guerdon_read_model.checkpoint as live
    left join guerdon_read_model_rebuild.checkpoint as rebuilt
        on rebuilt."partition" = live."partition"
    where rebuilt.position is null
        or (rebuilt.generation, rebuilt.position) < (live.generation, live.position)
)
