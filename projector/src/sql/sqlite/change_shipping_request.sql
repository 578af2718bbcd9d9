-- ?9 is the place of the last event that changed it.
update shipping_request
set
    lines_left = ?2, status = ?3, status_since = ?4, reason = ?5, carrier = ?6, express_no = ?7,
    crossed = ?8, changed_at = ?9
where place = ?1
