insert into feed (feed, acknowledged_to, checked_to)
values ($1, $2, 0)
on conflict (feed) do update set acknowledged_to = excluded.acknowledged_to
