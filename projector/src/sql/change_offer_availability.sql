-- Rows are [offer, change]. What is unlimited stays null; a closing counts as a version.
update offer_availability
set
    stock = stock + (change.value ->> '$[1].stock'),
    remaining = remaining + (change.value ->> '$[1].remaining'),
    version = version + (change.value ->> '$[1].closed_at' is not null),
    phase = iif(change.value ->> '$[1].closed_at' is null, phase, 'closed'),
    position = coalesce(change.value ->> '$[1].closed_at', position)
from json_each(?1) as change
where offer_id = change.value ->> 0
