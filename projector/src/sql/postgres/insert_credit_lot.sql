insert into credit_lot (
    lot, account_id, points, cause_kind, cause_id, rule_id, rule_version, reference, recorded_at,
    available_at, expires_at
)
select *
from unnest(
    $1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[], $11::bigint[]
)
on conflict do nothing
