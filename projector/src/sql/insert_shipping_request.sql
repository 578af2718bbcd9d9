-- An exchange or a purchase, of which there is one for each id, has at most one request: that at its place.
{insert-select}
where exists (select 1 from exchange as goods where goods.place = {place})
    or exists (select 1 from purchase as goods where goods.place = {place})
on conflict do nothing
