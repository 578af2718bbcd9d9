-- A warehouse's with a status, after a place of the log.
where {range}
limit $5
