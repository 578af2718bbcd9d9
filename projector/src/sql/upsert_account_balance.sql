-- Rows are [account, change]. The change of an account that is there is added to its balance; of a
-- new one it is the balance.
insert into account_balance (account_id, available, held, pending, "partition", position)
select
    change.value ->> 0,
    coalesce(known.available, 0) + (change.value ->> '$[1].available'),
    coalesce(known.held, 0),
    coalesce(known.pending, 0),
    change.value ->> '$[1].partition',
    change.value ->> '$[1].position'
from json_each(?1) as change
left join account_balance as known on known.account_id = change.value ->> 0
where true
on conflict do update set available = excluded.available, position = excluded.position
