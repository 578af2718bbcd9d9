{insert}
on conflict (account_id, ladder) do update
set
    standing = excluded.standing,
    tier = excluded.tier,
    since = excluded.since,
    until = excluded.until,
    position = excluded.position
