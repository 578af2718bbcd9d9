-- What has no row yet is inserted next, and what has nothing left is deleted after that.
update credit_part as part
set
    available = part.available + change.available,
    held = part.held + change.held,
    pending = part.pending + change.pending
from unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[]
) as change (account_id, expires_at, lot, graced, available, held, pending)
where part.account_id = change.account_id
    and part.expires_at = change.expires_at
    and part.lot = change.lot
    and part.graced = change.graced
