-- What was sold, and by how much the stock changes; what is unlimited stays null. Where it became limited
-- or unlimited, the stock is the whole. Phase, version and position are there where they change.
update offer_availability
set
    stock = case
        when {is_whole} then {stock}
        else offer_availability.stock + {stock}
    end,
    sold = offer_availability.sold + {sold},
    version = coalesce({version}, offer_availability.version),
    phase = coalesce({phase}, offer_availability.phase),
    position = coalesce({position}, offer_availability.position)
{from}
where offer_availability.offer_id = {offer_id}
