-- The version in force of each rate.
select {conversion_rate}
from conversion_rate
where (conversion_rate.from_unit, conversion_rate.to_unit) > ($1, $2)
    and not exists (
        select 1 from conversion_rate as later
        where later.from_unit = conversion_rate.from_unit
            and later.to_unit = conversion_rate.to_unit
            and later.version > conversion_rate.version
    )
order by from_unit, to_unit
limit $3
