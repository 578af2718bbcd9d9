-- Updates no row if another publisher has taken the lease.
update lease set expires_at = $3 where epoch = $1 and holder = $2
