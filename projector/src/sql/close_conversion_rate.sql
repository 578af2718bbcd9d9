-- A version with the terms of the one before. (`where true` tells SQLite that no join follows.)
insert into conversion_rate
    (from_unit, to_unit, version, terms, closed_at, recorded_at, "partition", position)
select {from_unit}, {to_unit}, {version},
    (
        select terms
        from conversion_rate as before
        where before.from_unit = {from_unit} and before.to_unit = {to_unit}
            and before.version = {version} - 1
    ),
    {closed_at}, {closed_at}, {partition}, {position}
{from}
where true
on conflict do nothing
