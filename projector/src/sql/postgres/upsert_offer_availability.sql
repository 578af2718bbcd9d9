-- The stock counts where the offer is new.
insert into offer_availability (
    offer_id, product_id, price, stock, remaining, opens_at, closes_at, limit_per_shopper,
    warehouse, version, phase, "partition", position
)
select
    offer_id, product_id, price, stock, stock, opens_at, closes_at, limit_per_shopper, warehouse,
    version, 'open', "partition", position
from (
    select
        unnest($1::text[]) as offer_id, unnest($2::text[]) as product_id,
        unnest($3::bigint[]) as price, unnest($4::bigint[]) as stock,
        unnest($5::bigint[]) as opens_at, unnest($6::bigint[]) as closes_at,
        unnest($7::bigint[]) as limit_per_shopper, unnest($8::text[]) as warehouse,
        unnest($9::bigint[]) as version, unnest($10::bigint[]) as "partition",
        unnest($11::bigint[]) as position
) as terms
on conflict (offer_id) do update set
    product_id = excluded.product_id,
    price = excluded.price,
    opens_at = excluded.opens_at,
    closes_at = excluded.closes_at,
    limit_per_shopper = excluded.limit_per_shopper,
    warehouse = excluded.warehouse,
    version = excluded.version,
    position = excluded.position
