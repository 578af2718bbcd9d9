-- By how much stock and remaining change; what is unlimited stays null. The position is that of the
-- closing, which counts as a version.
update offer_availability as offer
set
    stock = offer.stock + change.stock,
    remaining = offer.remaining + change.remaining,
    version = offer.version + case when change.closed_at is null then 0 else 1 end,
    phase = case when change.closed_at is null then offer.phase else 'closed' end,
    position = coalesce(change.closed_at, offer.position)
from (
    select
        unnest($1::text[]) as offer_id, unnest($2::bigint[]) as stock,
        unnest($3::bigint[]) as remaining, unnest($4::bigint[]) as closed_at
) as change
where offer.offer_id = change.offer_id
