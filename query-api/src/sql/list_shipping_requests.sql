-- All of them, after a place of the log.
where place > $1
order by place
limit $2
