-- The version in force of each rule.
select rule_id, version, terms, recorded_at, "partition", position
from earning_rule as rule
where rule_id > $1
    and not exists (
        select 1 from earning_rule as later
        where later.rule_id = rule.rule_id and later.version > rule.version
    )
order by rule_id
limit $2
