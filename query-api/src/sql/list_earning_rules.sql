-- The version in force of each rule.
select {earning_rule}
from earning_rule
where earning_rule.rule_id > $1
    and not exists (
        select 1 from earning_rule as later
        where later.rule_id = earning_rule.rule_id and later.version > earning_rule.version
    )
order by rule_id
limit $2
