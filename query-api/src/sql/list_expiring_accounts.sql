-- Parts of credit that expire before a time ($4), in the order in which they do, after a time and an
-- account ($1, $2): as many as a page reads. Of each, what its account has of which that is true from a
-- time on ($3), and when that begins. What is pending counts from when it can be spent; $5 is now.
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
