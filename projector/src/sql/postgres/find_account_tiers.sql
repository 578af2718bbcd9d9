-- Where some accounts stand on ladders.
select account_id, ladder, standing, tier
from account_tier
where account_id = any($1)
