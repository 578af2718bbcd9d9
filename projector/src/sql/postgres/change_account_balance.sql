update account_balance as balance
set
    available = balance.available + change.available,
    held = balance.held + change.held,
    pending = balance.pending + change.pending,
    owed = balance.owed + change.owed,
    position = change.position
from unnest(
    $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]
) as change (account_id, available, held, pending, owed, position)
where balance.account_id = change.account_id
