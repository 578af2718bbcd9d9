-- What is older than a time, and what is older than the newest so many.
delete from guerdon_log.unrecorded_call
where at < $1
    or (at, id) <= (select at, id from guerdon_log.unrecorded_call order by at desc, id desc limit 1 offset $2)
