-- What has no row yet is inserted next, and what has nothing left is deleted after that.
update credit_part as part
set
    available = part.available + change.available,
    held = part.held + change.held,
    pending = part.pending + change.pending
from (
    select
        unnest($1::text[]) as account_id, unnest($2::bigint[]) as expires_at,
        unnest($3::bigint[]) as lot, unnest($4::boolean[]) as graced,
        unnest($5::bigint[]) as available, unnest($6::bigint[]) as held,
        unnest($7::bigint[]) as pending
) as change
where part.account_id = change.account_id
    and part.expires_at = change.expires_at
    and part.lot = change.lot
    and part.graced = change.graced
