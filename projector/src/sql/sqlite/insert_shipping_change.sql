insert into shipping_change (
    place, generation, request, kind, lines, warehouse, sequence, recorded_at, traceparent
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
on conflict do nothing
