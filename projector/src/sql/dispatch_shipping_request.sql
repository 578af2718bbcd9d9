-- ?2 is the place of the event.
update shipping_request
set status = 'dispatched', carrier = ?3, express_no = ?4, changed_at = ?2
where place = ?1 and changed_at < ?2
