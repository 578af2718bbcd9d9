-- $1 is a list of lots, as JSON.
select {credit_lot}
from credit_lot
where lot in (select cast(json_array_elements_text(cast($1 as json)) as bigint))
