insert into credit_part (
    account_id, expires_at, lot, graced, available, held, pending, available_at
)
select *
from unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::boolean[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[]
)
