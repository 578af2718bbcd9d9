-- An account's, newest first: before a time and a place ($2, $3), and not before another time ($4).
where ledger_entry.account_id = $1
    and (ledger_entry.recorded_at, ledger_entry.place) < ($2, $3)
    and ledger_entry.recorded_at >= $4
order by ledger_entry.recorded_at desc, ledger_entry.place desc
limit $5
