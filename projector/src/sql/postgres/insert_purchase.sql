insert into purchase (
    place, account_id, purchase_id, lines, points, rule_id, rule_version, warehouse, occurred_at,
    recorded_at, returned_points, withdrawn_points
)
select
    unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]),
    unnest($5::bigint[]), unnest($6::text[]), unnest($7::bigint[]), unnest($8::text[]),
    unnest($9::bigint[]), unnest($10::bigint[]), 0, 0
on conflict do nothing
