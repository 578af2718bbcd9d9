-- A part without pending points has no time to mature. Gives how many of the changed parts have a row,
-- and how many rows have nothing left. Missing ones are inserted next, and empty ones deleted after that.
with changed as (
    update credit_part
    set
        available = credit_part.available + {available},
        held = credit_part.held + {held},
        pending = credit_part.pending + {pending},
        available_at = case
            when credit_part.pending + {pending} > 0
                then coalesce({available_at}, credit_part.available_at)
        end
    {from}
    where credit_part.account_id = {account_id}
        and credit_part.expires_at = {expires_at}
        and credit_part.lot = {lot}
        and credit_part.graced = {graced}
    returning credit_part.available + credit_part.held + credit_part.pending as points_left
)
select count(*), count(*) filter (where points_left = 0)
from changed
