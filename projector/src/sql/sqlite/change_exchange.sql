update exchange
set
    cancelled_quantity = cancelled_quantity + ?3,
    refunded_points = refunded_points + ?4
where exchange_id = ?2 and account_id = ?1
