-- Parts of credit that expire before a time ($4), the first to expire first, after a time and an
-- account ($1, $2). Each has its account's points that expire from $3 on and before $4, and the first
-- time at which some of them do. Pending points count if they can be spent now ($5).
select part.account_id, part.expires_at, (
    select cast(sum(
        other.available + case when other.available_at <= $5 then other.pending else 0 end
    ) as bigint)
    from credit_part as other
    where other.account_id = part.account_id
        and other.expires_at >= $3 and other.expires_at < $4
) as points, (
    select min(other.expires_at)
    from credit_part as other
    where other.account_id = part.account_id
        and other.expires_at >= $3 and other.expires_at < $4
        and other.available + case when other.available_at <= $5 then other.pending else 0 end > 0
) as begins_at
from (
    select expires_at, account_id
    from credit_part
    where expires_at < 9223372036854775807
        and (expires_at, account_id) > ($1, $2)
        and expires_at < $4
    order by expires_at, account_id
    limit $6
) as part
order by part.expires_at, part.account_id
