insert into purchase (
    place, account_id, purchase_id, lines, points, rule_id, rule_version, warehouse, occurred_at,
    recorded_at, returned_points, withdrawn_points
)
select *, 0, 0
from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[]
)
on conflict do nothing
