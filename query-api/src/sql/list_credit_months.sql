-- The live credit by month of expiry, as it was recorded.
select month as name, high, low
from credit_month
