update parcel set state = ?2, carrier = coalesce(?3, carrier), express_no = coalesce(?4, express_no)
where shipping_request_id = ?1
