insert into shipping_change (
    place, generation, request, kind, lines, warehouse, sequence, recorded_at, traceparent
)
select
    unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::text[]),
    unnest($5::text[]), unnest($6::text[]), unnest($7::bigint[]), unnest($8::bigint[]),
    unnest($9::text[])
on conflict do nothing
