insert into credit_lot (account_id, lot, points, remaining, cause_kind, cause_id, recorded_at)
select
    value ->> 'account_id', value ->> 'lot', value ->> 'points', value ->> 'points',
    value ->> 'cause_kind', value ->> 'cause_id', value ->> 'recorded_at'
from json_each(?1)
where true
on conflict do nothing
