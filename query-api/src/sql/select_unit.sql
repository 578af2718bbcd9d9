select {unit}
from unit
where unit.unit = $1
