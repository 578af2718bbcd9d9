select
    case expires_at when 9223372036854775807 then 'never' else to_char(to_timestamp(expires_at / 1000000) at time zone 'UTC', 'YYYY-MM') end
        || case unit when 'points' then '' else ' of ' || unit end as month,
    cast(sum((available + pending + held) / 4294967296) as bigint),
    cast(sum((available + pending + held) % 4294967296) as bigint)
from credit_part
group by 1
