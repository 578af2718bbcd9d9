-- Accounts as they were recorded, of a list with spaces between them: a row for each thing that they
-- have, by its kind and the account's number in the list. Before that, how far each partition is. (A
-- cross join keeps SQLite from reading a table first.)
with asked (account_id, number) as materialized (
    select value, key + 1 from json_each('["' || replace($1, ' ', '","') || '"]')
)
select
    0 as kind, null as number,
    checkpoint."partition", checkpoint.generation, checkpoint.position, checkpoint.recorded_at,
    checkpoint.clock, checkpoint.log_id, checkpoint.stopped_at,
    null as a, null as b, null as c, null as d, null as e, null as f,
    null as graced, null as name, null as json
from checkpoint
union all
select
    1, asked.number, null, null, null, null, null, null, null,
    account_balance."partition", account_balance.position, account_balance.owed, null, null, null,
    null, null, null
from asked
cross join account_balance on account_balance.account_id = asked.account_id
union all
select
    2, asked.number, null, null, null, null, null, null, null,
    expires_at, lot, available, held, pending, available_at, graced, unit, null
from asked
cross join credit_part on credit_part.account_id = asked.account_id
union all
select
    3, asked.number, null, null, null, null, null, null, null,
    unit_balance.owed, null, null, null, null, null, null, unit_balance.unit, null
from asked
cross join unit_balance on unit_balance.account_id = asked.account_id
union all
-- The holds that the log knows as live.
select
    4, asked.number, null, null, null, null, null, null, null,
    deadline, place, grace_days, null, null, null, null, unit, lots
from asked
cross join hold on hold.account_id = asked.account_id and hold.status = 'held'
union all
select
    5, asked.number, null, null, null, null, null, null, null,
    null, null, null, null, null, null, null, account_tier.ladder, account_tier.standing
from asked
cross join account_tier on account_tier.account_id = asked.account_id
union all
-- All versions of all ladders, as each partition of an account knows them, once for all accounts: the
-- partition stands in place of an account's number.
select
    6, ladder."partition", null, null, null, null, null, null, null,
    null, null, null, null, null, null, null, null,
    nullif(
        json_group_array(
            json_array(
                ladder.ladder, ladder.version, json(ladder.terms), ladder.position,
                ladder.recorded_at, unit.time_zone
            ) order by ladder.position
        ), '[]'
    )
from ladder
join unit on unit.unit = ladder.unit
where ladder."partition" in (
    select account_balance."partition"
    from asked
    cross join account_balance on account_balance.account_id = asked.account_id
)
group by ladder."partition"
union all
-- Those that were merged, or have taken others over.
select
    7, asked.number, null, null, null, null, null, null, null,
    null, null, null, null, null, null, null, null, null
from asked
where exists (select 1 from merger where merger.account_id = asked.account_id)
    or exists (select 1 from merger where merger.into_id = asked.account_id)
