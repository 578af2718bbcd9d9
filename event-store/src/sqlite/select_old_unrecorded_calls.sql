-- What is older than a time, and what is older than the newest so many: of those that were refused
-- or failed, and of those that did something, so that the first never push out the second; of that
-- no more than so many.
select id from unrecorded_call
where at < ?1
    or (status >= 400 and (at, id) <= (
        select at, id from unrecorded_call where status >= 400
        order by at desc, id desc limit 1 offset ?2
    ))
    or (status < 400 and (at, id) <= (
        select at, id from unrecorded_call where status < 400
        order by at desc, id desc limit 1 offset ?2
    ))
limit ?3
