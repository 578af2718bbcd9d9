-- What has expired of a unit ($3) by a time ($1) and isn't recorded as expired, by month, in all accounts but those of
-- a list ($2: JSON). What is held doesn't expire before its hold ends, nor what is pending before it is
-- available. Halves of 32 bits add up to what 64 bits can have.
select name, cast(sum(points >> 32) as bigint) as high, cast(sum(points & 4294967295) as bigint) as low
from (
    select to_char(to_timestamp(expires_at / 1000000) at time zone 'UTC', 'YYYY-MM') as name,
        available + case when available_at > $1 then 0 else pending end as points
    from credit_part
    where expires_at <= $1
        and unit = $3
        and expires_at < 9223372036854775807
        and account_id not in (select json_array_elements_text(cast($2 as json)))
) as expired
group by name
