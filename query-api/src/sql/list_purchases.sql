-- An account's, newest first: before a time and a place ($2, $3), and not before another time ($4).
where purchase.account_id = $1
    and (purchase.recorded_at, purchase.place) < ($2, $3)
    and purchase.recorded_at >= $4
order by purchase.recorded_at desc, purchase.place desc
limit $5
