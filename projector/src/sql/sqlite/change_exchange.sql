-- A parcel that left counts for more than what was cancelled before.
update exchange
set
    cancelled_quantity = cancelled_quantity + ?3,
    refunded_points = refunded_points + ?4,
    status = case
        when ?5 or status = 'dispatched' then 'dispatched'
        when cancelled_quantity + ?3 = quantity then 'cancelled'
        else status
    end
where exchange_id = ?2 and account_id = ?1
