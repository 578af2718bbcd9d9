-- What can still be spent at a time ($1), by month of expiry, in all accounts but those of a list
-- ($2: JSON). What is held doesn't expire before its hold ends, nor what is pending before it is
-- available.
select
    case
        when expires_at = 9223372036854775807 then 'never'
        else to_char(to_timestamp(expires_at / 1000000) at time zone 'UTC', 'YYYY-MM')
    end as month,
    cast(
        sum(
            held + case
                when expires_at > $1 then available + pending
                when available_at > $1 then pending
                else 0
            end
        ) as bigint
    ) as points
from credit_part
where account_id not in (select json_array_elements_text(cast($2 as json)))
group by month
