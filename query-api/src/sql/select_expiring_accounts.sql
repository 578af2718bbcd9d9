-- Parts of credit that expire before a time ($4), the first to expire first, after a time, an account
-- and a unit ($1, $2, $3). Each has what its account has of its unit that expires from $5 on and before
-- $4, and the first time at which some of that does. Pending points count if they can be spent now ($6).
select part.account_id, part.unit, part.expires_at, (
    select cast(sum(
        other.available + case when other.available_at <= $6 then other.pending else 0 end
    ) as bigint)
    from credit_part as other
    where other.account_id = part.account_id and other.unit = part.unit
        and other.expires_at >= $5 and other.expires_at < $4
) as points, (
    select min(other.expires_at)
    from credit_part as other
    where other.account_id = part.account_id and other.unit = part.unit
        and other.expires_at >= $5 and other.expires_at < $4
        and other.available + case when other.available_at <= $6 then other.pending else 0 end > 0
) as begins_at
from (
    select expires_at, account_id, unit
    from credit_part
    where expires_at < 9223372036854775807
        and (expires_at, account_id, unit) > ($1, $2, $3)
        and expires_at < $4
