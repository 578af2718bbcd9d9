-- The statement, newest first, before a position.
select "partition", position, kind, points, cause_kind, cause_id, exchange_id, occurred_at, recorded_at
from ledger_entry
where account_id = ?1 and place < ?2
order by place desc
limit ?3
