-- All of them, after a place and up to another.
where place > $1 and place <= $2
order by place
limit $3
