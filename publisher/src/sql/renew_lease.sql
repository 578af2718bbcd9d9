-- Touches no row where another publisher has taken over.
update lease set expires_at = $3 where epoch = $1 and holder = $2
