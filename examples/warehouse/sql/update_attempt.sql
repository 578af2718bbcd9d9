update parcel set attempt = max(attempt, ?2) where shipping_request_id = ?1
