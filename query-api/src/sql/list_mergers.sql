-- A partition's mergers after a place and up to another, in the order of the log.
select account_id, into_id, place
from merger
where place > $1 and place <= $2
order by place
limit $3
