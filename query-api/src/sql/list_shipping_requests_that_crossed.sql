-- Those that left although they had been called off, after a place and up to another.
-- $5 has the warehouses between commas: ',main,berlin,'.
where crossed
    and place > $1 and place <= $2
    and ($4 is null or status = $4)
    and ($5 is null or replace($5, ',' || warehouse || ',', '') <> $5)
order by place
limit $3
