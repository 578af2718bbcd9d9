insert into credit_lot (
    lot, account_id, points, cause_kind, cause_id, rule_id, rule_version, reference, recorded_at,
    available_at, expires_at
)
select
    unnest($1::bigint[]), unnest($2::text[]), unnest($3::bigint[]), unnest($4::text[]),
    unnest($5::text[]), unnest($6::text[]), unnest($7::bigint[]), unnest($8::text[]),
    unnest($9::bigint[]), unnest($10::bigint[]), unnest($11::bigint[])
on conflict do nothing
