-- The one that the event at a place asked for.
where place = $1
