insert into mark (kind, id, key_id, marked_at, ends_at) values (?1, ?2, ?3, ?4, ?5)
on conflict (kind, id) do update set key_id = excluded.key_id, marked_at = excluded.marked_at,
    ends_at = excluded.ends_at
