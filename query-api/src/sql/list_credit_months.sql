-- The live credit of a unit by month of expiry, as it was recorded.
select month as name, high, low
from credit_month
where unit = $1
