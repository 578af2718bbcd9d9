-- Accounts with credit that expires from a time on ($3) and before another ($4), each once, in the
-- order in which that begins; after a time and an account ($1, $2). What is pending counts from when it
-- can be spent; $5 is now.
select part.account_id, part.expires_at, (
    select cast(sum(
        other.available + case when other.available_at <= $5 then other.pending else 0 end
    ) as bigint)
    from credit_part as other
    where other.account_id = part.account_id
        and other.expires_at >= $3 and other.expires_at < $4
) as points
from credit_part as part
where part.expires_at < 9223372036854775807
    and (part.expires_at, part.account_id) > ($1, $2)
    and part.expires_at < $4
    and part.available + case when part.available_at <= $5 then part.pending else 0 end > 0
    and not exists (
        select 1 from credit_part as earlier
        where earlier.account_id = part.account_id
            and earlier.expires_at >= $3
            and (earlier.expires_at, earlier.lot, earlier.graced)
                < (part.expires_at, part.lot, part.graced)
            and earlier.available
                + case when earlier.available_at <= $5 then earlier.pending else 0 end > 0
    )
order by part.expires_at, part.account_id
limit $6
