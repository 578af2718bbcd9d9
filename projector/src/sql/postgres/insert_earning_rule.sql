insert into earning_rule (rule_id, version, terms, recorded_at, "partition", position)
select *
from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
on conflict do nothing
