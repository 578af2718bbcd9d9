where ledger_entry.account_id = $1 and ledger_entry.place = $2
