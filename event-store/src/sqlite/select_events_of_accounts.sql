-- Whose events they are, and whether they still have their private texts. The texts aren't read.
select place, account_id, private is not null
from event
where place > ?1 and place <= ?2 and account_id is not null and type <> ?3
