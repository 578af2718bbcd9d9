-- In the order in which they were made.
select {unit}
from unit
order by made_at
