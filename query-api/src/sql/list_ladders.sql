-- The version in force of each ladder, as the programme's home has it, in the order in which they were
-- made.
select {ladder}
from ladder
where ladder."partition" = 0
    and not exists (
        select 1 from ladder as later
        where later."partition" = 0 and later.ladder = ladder.ladder and later.version > ladder.version
    )
order by (
    select made.position from ladder as made
    where made."partition" = 0 and made.ladder = ladder.ladder and made.version = 1
)
