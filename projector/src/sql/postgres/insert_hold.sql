insert into hold (
    place, account_id, hold_id, points, lots, deadline, occurred_at, recorded_at, status
)
select
    unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]),
    unnest($5::text[]), unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[]), 'held'
on conflict do nothing
