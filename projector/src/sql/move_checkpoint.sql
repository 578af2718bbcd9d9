-- On the condition that nobody else has projected meanwhile. The log says once what its clock is, and
-- then whether a wall clock is doubted or confirmed.
update checkpoint
set
    generation = $4,
    position = $5,
    checksum = $6,
    recorded_at = $7,
    clock = case
        when cast($8 as text) is null or ($8 = 'confirmed' and clock <> 'doubted') then clock
        when $8 = 'confirmed' then 'wall'
        else $8
    end,
    stopped_at = null,
    stopped_why = null
where "partition" = $1 and position = $2 and checksum = $3
