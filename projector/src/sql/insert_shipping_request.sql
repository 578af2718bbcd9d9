-- An exchange or a purchase, of which there is one for each id, has at most one request: that at its place.
-- (Looked up for each row: for `exists … or exists …` PostgreSQL may read all of a table that it has seen
-- empty, once for each batch.)
{insert-select}
where coalesce(
    (select 1 from exchange as goods where goods.place = {place}),
    (select 1 from purchase as goods where goods.place = {place})
) = 1
on conflict do nothing
