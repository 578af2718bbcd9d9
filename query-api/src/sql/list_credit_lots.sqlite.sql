-- $1 is a list of lots, as JSON.
select {credit_lot}
from credit_lot
where lot in (select value from json_each($1))
