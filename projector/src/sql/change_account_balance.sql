-- ?3, the partition, is the other statement's: both take the same row.
update account_balance
set available = available + ?2, position = ?4
where account_id = ?1 and ?3 is not null
