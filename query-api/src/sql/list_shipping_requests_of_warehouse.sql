-- A warehouse's, after a place of the log.
where {range}
limit $4
