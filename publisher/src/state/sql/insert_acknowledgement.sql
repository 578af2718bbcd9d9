insert into acknowledgement (feed, acknowledged_at, acknowledged_to)
values ($1, $2, $3)
on conflict (feed, acknowledged_at) do nothing
