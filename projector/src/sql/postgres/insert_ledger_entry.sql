insert into ledger_entry (
    place, account_id, kind, points, available, held, pending, cause_kind, cause_id, exchange_id,
    cancellation_id, hold_id, transfer_id, counterparty, withdrawal_kind, withdrawal_id,
    purchase_id, reference, lots, released, occurred_at, recorded_at
)
select *
from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
    $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::bigint[],
    $22::bigint[]
)
on conflict do nothing
