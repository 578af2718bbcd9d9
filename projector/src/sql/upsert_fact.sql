-- Of a path that was put to more than once, the last counts; an event that is projected again changes
-- nothing.
{insert}
on conflict (path) do update
set
    place = excluded.place,
    account_id = excluded.account_id,
    public = excluded.public,
    "by" = excluded."by",
    reason = excluded.reason,
    recorded_at = excluded.recorded_at
where excluded.place > fact.place
