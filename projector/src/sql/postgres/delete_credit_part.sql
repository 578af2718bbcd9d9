delete from credit_part as part
using unnest($1::text[], $2::bigint[], $3::bigint[], $4::boolean[])
    as change (account_id, expires_at, lot, graced)
where part.account_id = change.account_id
    and part.expires_at = change.expires_at
    and part.lot = change.lot
    and part.graced = change.graced
    and part.available + part.held + part.pending = 0
