update account_balance as balance
set
    available = balance.available + change.available,
    held = balance.held + change.held,
    pending = balance.pending + change.pending,
    owed = balance.owed + change.owed,
    position = change.position
from (
    select
        unnest($1::text[]) as account_id, unnest($2::bigint[]) as available,
        unnest($3::bigint[]) as held, unnest($4::bigint[]) as pending,
        unnest($5::bigint[]) as owed, unnest($6::bigint[]) as position
) as change
where balance.account_id = change.account_id
