-- Where the lanes end, in the read model, that have changed: after a place, up to another.
select lane, last_sequence, last_place
from lane
where last_place > $1 and last_place <= $2
