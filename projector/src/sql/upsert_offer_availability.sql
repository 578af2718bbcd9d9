-- Rows are [offer, terms]. The stock counts where the offer is new.
insert into offer_availability (
    offer_id, product_id, price, stock, remaining, opens_at, closes_at, limit_per_shopper,
    warehouse, version, phase, "partition", position
)
select
    value ->> 0, value ->> '$[1].product_id', value ->> '$[1].price', value ->> '$[1].stock',
    value ->> '$[1].stock', value ->> '$[1].opens_at', value ->> '$[1].closes_at',
    value ->> '$[1].limit_per_shopper', value ->> '$[1].warehouse', value ->> '$[1].version',
    'open', value ->> '$[1].partition', value ->> '$[1].position'
from json_each(?1)
where true
on conflict do update set
    product_id = excluded.product_id,
    price = excluded.price,
    opens_at = excluded.opens_at,
    closes_at = excluded.closes_at,
    limit_per_shopper = excluded.limit_per_shopper,
    warehouse = excluded.warehouse,
    version = excluded.version,
    position = excluded.position
