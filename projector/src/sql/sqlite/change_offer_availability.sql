-- By how much stock (?2) and remaining (?3) change; what is unlimited stays null. ?4 is the position
-- of the closing, which counts as a version.
update offer_availability
set
    stock = stock + ?2,
    remaining = remaining + ?3,
    version = version + (?4 is not null),
    phase = iif(?4 is null, phase, 'closed'),
    position = coalesce(?4, position)
where offer_id = ?1
