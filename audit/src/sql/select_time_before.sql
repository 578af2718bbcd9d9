-- When something was recorded that stands at or before a place of a partition: nothing after that place
-- was recorded earlier.
select recorded_at
from ledger_entry
where place >= $1 and place <= $2
order by place desc
limit 1
