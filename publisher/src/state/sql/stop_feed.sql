insert into feed (feed, acknowledged_to, checked_to, stopped_why)
values ($1, 0, 0, $2)
on conflict (feed) do update set stopped_why = excluded.stopped_why
