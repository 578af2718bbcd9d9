insert into credit_part (
    account_id, expires_at, lot, graced, available, held, pending, available_at
)
select
    unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::boolean[]),
    unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[])
