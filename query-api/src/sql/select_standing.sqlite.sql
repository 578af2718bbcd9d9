-- An account as it was recorded, with its parts in spending order and the holds that the log knows
-- as live, in the order of their ends, and where it stands on ladders; after how far each partition is.
select
    checkpoint."partition", checkpoint.generation, checkpoint.position, checkpoint.recorded_at,
    checkpoint.clock, checkpoint.log_id, checkpoint.stopped_at,
    account_balance."partition" as home, account_balance.position as changed_at,
    account_balance.owed,
    (
        select json_group_array(json_array(unit, owed))
        from unit_balance
        where unit_balance.account_id = account_balance.account_id
    ) as owed_of_units,
    (
        select json_group_array(
            json_array(
                expires_at, lot, json(iif(graced, 'true', 'false')), available, held, pending,
                available_at, unit
            ) order by expires_at, lot, graced
        )
        from credit_part
        where credit_part.account_id = account_balance.account_id
    ) as parts,
    (
        select json_group_array(json_array(deadline, json(lots), grace_days, unit) order by deadline, place)
        from hold
        where hold.account_id = account_balance.account_id and status = 'held'
    ) as holds,
    (
        select json_group_array(json_array(ladder, json(standing)))
        from account_tier
        where account_tier.account_id = account_balance.account_id
    ) as tiers,
    (
        select json_group_array(
            json_array(
                ladder.ladder, ladder.version, json(ladder.terms), ladder.position,
                ladder.recorded_at, unit.time_zone
            ) order by ladder."partition", ladder.position
        )
        from ladder
        join unit on unit.unit = ladder.unit
        where account_balance.account_id is not null
    ) as ladders
from checkpoint
left join account_balance
    on account_balance.account_id = $1 and account_balance."partition" = checkpoint."partition"
