insert into ledger_entry (
    place, account_id, kind, points, available, held, pending, cause_kind, cause_id, exchange_id,
    cancellation_id, hold_id, transfer_id, counterparty, withdrawal_kind, withdrawal_id,
    purchase_id, reference, lots, released, occurred_at, recorded_at
)
select
    unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]),
    unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::text[]),
    unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]),
    unnest($13::text[]), unnest($14::text[]), unnest($15::text[]), unnest($16::text[]),
    unnest($17::text[]), unnest($18::text[]), unnest($19::text[]), unnest($20::text[]),
    unnest($21::bigint[]), unnest($22::bigint[])
on conflict do nothing
