-- The totals of a unit, and those of points, among which is what is of no unit.
select unit, name, high, low
from programme_total
where unit in ($1, 'points')
