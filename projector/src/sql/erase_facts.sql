-- An account's events stand in one partition, and so its rows between two places. An index has those
-- that have something private.
update fact
set "by" = null, reason = null
{from}
where fact.account_id = {account_id} and fact.place > {after} and fact.place <= {until}
    and (fact."by" is not null or fact.reason is not null)
