insert into ledger_entry (
    account_id, position, "partition", kind, points, cause_kind, cause_id, exchange_id,
    occurred_at, recorded_at
)
select
    value ->> 'account_id', value ->> 'position', value ->> 'partition', value ->> 'kind',
    value ->> 'points', value ->> 'cause_kind', value ->> 'cause_id', value ->> 'exchange_id',
    value ->> 'occurred_at', value ->> 'recorded_at'
from json_each(?1)
where true
on conflict do nothing
