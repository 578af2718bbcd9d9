-- An account's, after a place of the log. A request has the place of the exchange or purchase
-- that asks for it; a second index here would only say again whose it is.
-- $4 has the warehouses between commas: ',main,berlin,'.
where place in (
        select place from exchange where account_id = $5 and place > $1
        union all
        select place from purchase where account_id = $5 and place > $1
    )
    and ($3 is null or status = $3)
    and ($4 is null or replace($4, ',' || warehouse || ',', '') <> $4)
order by place
limit $2
