select lane, warehouse, last_sequence, last_place
from lane
