update unit
set closed_at = {closed_at}, version = {version}, position = {position}
{from}
where unit.unit = {unit}
