-- Those that left although they had been called off, after a place of the log.
-- $4 has the warehouses between commas: ',main,berlin,'.
where crossed
    and place > $1
    and ($3 is null or status = $3)
    and ($4 is null or replace($4, ',' || warehouse || ',', '') <> $4)
order by place
limit $2
