-- An account with all that it was merged into, and that were merged into those; each with the one that
-- has it now.
with recursive line (account_id) as (
    select cast($1 as text)
    union
    select merger.into_id
    from line
    cross join merger on merger.account_id = line.account_id
),
family (account_id) as (
    select line.account_id from line
    union
    select merger.account_id
    from family
    cross join merger on merger.into_id = family.account_id
)
select family.account_id, merger.into_id
from family
left join merger on merger.account_id = family.account_id
order by family.account_id
