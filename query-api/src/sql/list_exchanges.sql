-- An account's, newest first: before a time and a place ($2, $3), and not before another time ($4).
where exchange.account_id = $1
    and (exchange.recorded_at, exchange.place) < ($2, $3)
    and exchange.recorded_at >= $4
order by exchange.recorded_at desc, exchange.place desc
limit $5
