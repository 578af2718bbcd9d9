insert into hold (
    place, account_id, hold_id, points, lots, deadline, occurred_at, recorded_at, status
)
select *, 'held'
from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[]
)
on conflict do nothing
