-- The stock counts where the offer is new.
insert into offer_availability (
    offer_id, product_id, price, stock, remaining, opens_at, closes_at, limit_per_shopper,
    warehouse, version, phase, "partition", position
)
values (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, 'open', ?10, ?11)
on conflict do update set
    product_id = excluded.product_id,
    price = excluded.price,
    opens_at = excluded.opens_at,
    closes_at = excluded.closes_at,
    limit_per_shopper = excluded.limit_per_shopper,
    warehouse = excluded.warehouse,
    version = excluded.version,
    position = excluded.position
