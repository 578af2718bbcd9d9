insert into earning_rule (rule_id, version, terms, recorded_at, "partition", position)
values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict do nothing
