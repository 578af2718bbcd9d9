-- Where these accounts have events, and whether they still have their private texts.
select position, account_id, private is not null
from guerdon_log.event
where partition = $1 and position > $2 and position <= $3
    and account_id = any($4::text[]) and type <> $5::text
