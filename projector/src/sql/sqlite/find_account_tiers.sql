-- Where an account stands on ladders.
select ladder, standing, tier
from account_tier
where account_id = ?1
