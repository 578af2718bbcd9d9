-- A version, or the one in force.
select {earning_rule}
from earning_rule
where rule_id = $1 and ($2 is null or version = $2)
order by version desc
limit 1
