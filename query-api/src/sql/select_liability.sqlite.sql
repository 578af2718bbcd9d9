-- What can still be spent at a time ($1), by month of expiry, in all accounts but those of a list
-- ($2: JSON). What is held doesn't expire before its hold ends, nor what is pending before it is
-- available.
select
    iif(
        expires_at = 9223372036854775807,
        'never',
        strftime('%Y-%m', expires_at / 1000000, 'unixepoch')
    ) as month,
    sum(
        held + case
            when expires_at > $1 then available + pending
            when available_at > $1 then pending
            else 0
        end
    ) as points
from credit_part
where account_id not in (select value from json_each($2))
group by month
