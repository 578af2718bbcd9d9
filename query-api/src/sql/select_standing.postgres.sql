-- Accounts as they were recorded, of a list with spaces between them: a row for each thing that they
-- have, by its kind and the account's number in the list. Before that, how far each partition is. JSON
-- that was made here would take longer than all else. (`offset 0` leaves the planner no choice but to
-- look each account up, also in a table that it has seen empty.)
select
    cast(0 as bigint) as kind, cast(null as bigint) as number,
    checkpoint."partition", checkpoint.generation, checkpoint.position, checkpoint.recorded_at,
    checkpoint.clock, checkpoint.log_id, checkpoint.stopped_at,
    cast(null as bigint) as a, cast(null as bigint) as b, cast(null as bigint) as c,
    cast(null as bigint) as d, cast(null as bigint) as e, cast(null as bigint) as f,
    cast(null as boolean) as graced, cast(null as text) as name, cast(null as text) as json
from checkpoint
union all
select
    1, asked.number, null, null, null, null, null, null, null,
    account_balance."partition", account_balance.position, account_balance.owed, null, null, null,
    null, null, null
from unnest(string_to_array($1, ' ')) with ordinality as asked (account_id, number)
cross join lateral (
    select * from account_balance where account_balance.account_id = asked.account_id offset 0
) as account_balance
union all
select
    2, asked.number, null, null, null, null, null, null, null,
    expires_at, lot, available, held, pending, available_at, graced, unit, null
from unnest(string_to_array($1, ' ')) with ordinality as asked (account_id, number)
cross join lateral (
    select * from credit_part where credit_part.account_id = asked.account_id offset 0
) as credit_part
union all
select
    3, asked.number, null, null, null, null, null, null, null,
    unit_balance.owed, null, null, null, null, null, null, unit_balance.unit, null
from unnest(string_to_array($1, ' ')) with ordinality as asked (account_id, number)
cross join lateral (
    select * from unit_balance where unit_balance.account_id = asked.account_id offset 0
) as unit_balance
union all
-- The holds that the log knows as live.
select
    4, asked.number, null, null, null, null, null, null, null,
    deadline, place, grace_days, null, null, null, null, unit, lots
from unnest(string_to_array($1, ' ')) with ordinality as asked (account_id, number)
cross join lateral (
    select * from hold where hold.account_id = asked.account_id and hold.status = 'held' offset 0
) as hold
union all
select
    5, asked.number, null, null, null, null, null, null, null,
    null, null, null, null, null, null, null, account_tier.ladder, account_tier.standing
from unnest(string_to_array($1, ' ')) with ordinality as asked (account_id, number)
cross join lateral (
    select * from account_tier where account_tier.account_id = asked.account_id offset 0
) as account_tier
union all
-- All versions of all ladders, as each partition of an account knows them, once for all accounts: the
-- partition stands in place of an account's number.
select
    6, ladder."partition", null, null, null, null, null, null, null,
    null, null, null, null, null, null, null, null,
    cast(json_agg(
        json_build_array(
            ladder.ladder, ladder.version, cast(ladder.terms as json), ladder.position,
            ladder.recorded_at, unit.time_zone
        ) order by ladder.position
    ) as text)
from ladder
join unit on unit.unit = ladder.unit
where ladder."partition" = any(array(
    select account_balance."partition"
    from unnest(string_to_array($1, ' ')) as asked (account_id)
    cross join lateral (
        select * from account_balance where account_balance.account_id = asked.account_id offset 0
    ) as account_balance
))
group by ladder."partition"
union all
-- Those that were merged, or have taken others over.
select
    7, asked.number, null, null, null, null, null, null, null,
    null, null, null, null, null, null, null, null, null
from unnest(string_to_array($1, ' ')) with ordinality as asked (account_id, number)
where exists (select 1 from merger where merger.account_id = asked.account_id)
    or exists (select 1 from merger where merger.into_id = asked.account_id)
