-- Those of a purchase id, of one account or of all, after a place of the log. A request has the
-- place of its purchase.
-- $4 has the warehouses between commas: ',main,berlin,'.
where place in (
        select place from purchase where purchase_id = $6 and place > $1
    )
    and ($5 is null or account_id = $5)
    and ($3 is null or status = $3)
    and ($4 is null or replace($4, ',' || warehouse || ',', '') <> $4)
order by place
limit $2
