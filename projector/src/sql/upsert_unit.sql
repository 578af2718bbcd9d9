-- A later version has another name.
{insert}
on conflict (unit) do update set
    name = excluded.name,
    version = excluded.version,
    "partition" = excluded."partition",
    position = excluded.position
