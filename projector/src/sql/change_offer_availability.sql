-- Adds what was sold, and adds to the stock; unlimited stock stays null. If the stock became limited
-- or unlimited, the given stock is the new one. Phase, version and position are null where they don't
-- change.
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
