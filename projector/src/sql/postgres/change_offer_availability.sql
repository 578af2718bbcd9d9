-- By how much stock and remaining change; what is unlimited stays null. The position is that of the
-- closing, which counts as a version.
update offer_availability as offer
set
    stock = offer.stock + change.stock,
    remaining = offer.remaining + change.remaining,
    version = offer.version + case when change.closed_at is null then 0 else 1 end,
    phase = case when change.closed_at is null then offer.phase else 'closed' end,
    position = coalesce(change.closed_at, offer.position)
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
    as change (offer_id, stock, remaining, closed_at)
where offer.offer_id = change.offer_id
