-- By how much stock and remaining change; what is unlimited stays null. The position is that of the
-- closing, which counts as a version.
update offer_availability
set
    stock = offer_availability.stock + {stock},
    remaining = offer_availability.remaining + {remaining},
    version = offer_availability.version + case when {closed_at} is null then 0 else 1 end,
    phase = case when {closed_at} is null then offer_availability.phase else 'closed' end,
    position = coalesce({closed_at}, offer_availability.position)
{from}
where offer_availability.offer_id = {offer_id}
