-- The stock counts where the offer is new.
insert into offer_availability (
    offer_id, product_id, price, stock, remaining, opens_at, closes_at, limit_per_shopper,
    warehouse, version, phase, "partition", position
)
select
    offer_id, product_id, price, stock, stock, opens_at, closes_at, limit_per_shopper, warehouse,
    version, 'open', "partition", position
from unnest(
    $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::text[], $9::bigint[], $10::bigint[], $11::bigint[]
) as terms (
    offer_id, product_id, price, stock, opens_at, closes_at, limit_per_shopper, warehouse, version,
    "partition", position
)
on conflict (offer_id) do update set
    product_id = excluded.product_id,
    price = excluded.price,
    opens_at = excluded.opens_at,
    closes_at = excluded.closes_at,
    limit_per_shopper = excluded.limit_per_shopper,
    warehouse = excluded.warehouse,
    version = excluded.version,
    position = excluded.position
