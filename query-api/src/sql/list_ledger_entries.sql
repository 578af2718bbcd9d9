-- The statement, newest first, before a position.
select place, kind, points, available, held, pending, cause_kind, cause_id,
    exchange_id, cancellation_id, hold_id, transfer_id, counterparty, withdrawal_kind,
    withdrawal_id, purchase_id, reference, lots, released, occurred_at, recorded_at
from ledger_entry
where account_id = $1 and place < $2
order by place desc
limit $3
