-- A new account's: the change is the balance. (An upsert would not do for one that is there: its
-- check looks at the row that would be inserted, where a change may well be below nought.)
insert into account_balance (
    account_id, available, held, pending, owed, "partition", position
)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
