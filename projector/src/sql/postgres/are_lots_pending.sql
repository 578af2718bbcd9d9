-- Whether what an account has of a lot was pending at a time: all that had matured by then was
-- recorded before, and what was sent on never was pending.
select exists (
    select 1 from credit_lot
    where credit_lot.lot = asked.lot
        and credit_lot.account_id = asked.account_id
        and credit_lot.available_at > asked.at
)
from unnest($1::bigint[], $2::text[], $3::bigint[])
    with ordinality as asked (lot, account_id, at, number)
order by asked.number
