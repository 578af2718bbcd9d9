insert into earning_rule (rule_id, version, terms, recorded_at, "partition", position)
select
    unnest($1::text[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::bigint[]),
    unnest($5::bigint[]), unnest($6::bigint[])
on conflict do nothing
