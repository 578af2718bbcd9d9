-- A higher attempt shows that the ledger has not received an answer: all of them are sent again.
update answer set is_sent = 0
where shipping_request_id = ?1
    and ?2 > (select attempt from parcel where shipping_request_id = ?1)
