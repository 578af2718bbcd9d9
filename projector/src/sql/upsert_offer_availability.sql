-- Of an offer that is there, stock, units sold and phase stay: what changes those comes after this.
{insert}
on conflict (offer_id) do update set
    product_id = excluded.product_id,
    unit = excluded.unit,
    price = excluded.price,
    further_prices = excluded.further_prices,
    tier = excluded.tier,
    tier_prices = excluded.tier_prices,
    opens_at = excluded.opens_at,
    closes_at = excluded.closes_at,
    limit_per_shopper = excluded.limit_per_shopper,
    warehouse = excluded.warehouse,
    ships = excluded.ships,
    name = excluded.name,
    description = excluded.description,
    image_url = excluded.image_url,
    category = excluded.category,
    attributes = excluded.attributes,
    version = excluded.version,
    position = excluded.position
