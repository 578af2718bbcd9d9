delete from credit_part as part
using (
    select
        unnest($1::text[]) as account_id, unnest($2::bigint[]) as expires_at,
        unnest($3::bigint[]) as lot, unnest($4::boolean[]) as graced
) as change
where part.account_id = change.account_id
    and part.expires_at = change.expires_at
    and part.lot = change.lot
    and part.graced = change.graced
    and part.available + part.held + part.pending = 0
