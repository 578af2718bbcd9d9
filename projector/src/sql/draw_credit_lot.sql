-- Rows are [account, lot, points]. A lot that is used up stays, with nothing remaining.
update credit_lot
set remaining = remaining - (drawn.value ->> 2)
from json_each(?1) as drawn
where account_id = drawn.value ->> 0 and lot = drawn.value ->> 1
