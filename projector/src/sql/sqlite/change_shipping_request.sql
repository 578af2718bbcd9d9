-- ?6 is the place of the last event that changed it.
update shipping_request
set lines = ?2, status = ?3, carrier = ?4, express_no = ?5, changed_at = ?6
where place = ?1
