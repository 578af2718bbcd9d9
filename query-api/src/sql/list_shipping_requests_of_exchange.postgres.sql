-- Those of an exchange id, of one account or of all, after a place and up to another. A request has the
-- place of its exchange. It is an array, because where tables were never analyzed the planner
-- expects thousands of places of a subquery, and would read all requests to find them.
-- $5 has the warehouses between commas: ',main,berlin,'.
where place = any(array(select place from exchange where exchange_id = $7))
    and place > $1
    and place <= $2
    and ($6 is null or account_id = $6)
    and ($4 is null or status = $4)
    and ($5 is null or replace($5, ',' || warehouse || ',', '') <> $5)
order by place
limit $3
