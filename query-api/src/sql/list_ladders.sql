-- The version in force of each ladder, in the order in which they were made.
select {ladder}
from ladder
where not exists (
        select 1 from ladder as later
        where later.ladder = ladder.ladder and later.version > ladder.version
    )
order by ladder."partition", (
    select made.position from ladder as made
    where made.ladder = ladder.ladder and made.version = 1
)
