select name, high, low
from programme_total
