-- A lot that is used up stays, with nothing remaining.
update credit_lot
set remaining = remaining - ?3
where account_id = ?1 and lot = ?2
