-- An account's, after a place and up to another. A request has the place of the exchange or purchase
-- that asks for it; a second index here would only say again whose it is.
-- $5 has the warehouses between commas: ',main,berlin,'.
where place in (
        select place from exchange where account_id = $6 and place > $1 and place <= $2
        union all
        select place from purchase where account_id = $6 and place > $1 and place <= $2
    )
    and ($4 is null or status = $4)
    and ($5 is null or replace($5, ',' || warehouse || ',', '') <> $5)
order by place
limit $3
