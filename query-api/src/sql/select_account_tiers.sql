-- Where an account stands on ladders, as it was recorded.
select ladder, standing
from account_tier
where account_id = $1
