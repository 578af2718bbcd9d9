-- ?6, the partition, is the other statement's: both take the same row.
update account_balance
set
    available = available + ?2,
    held = held + ?3,
    pending = pending + ?4,
    owed = owed + ?5,
    position = ?7
where account_id = ?1 and ?6 is not null
