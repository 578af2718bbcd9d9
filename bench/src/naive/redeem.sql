-- One statement is one transaction and one round trip: all of it happens, or nothing.
with debited as (
    update credit set points = points - $5::bigint
    where account_id = $1 and points >= $5::bigint
    returning account_id
), exchanged as (
    insert into credit_exchange (account_id, exchange_id, offer_id, quantity, points)
    select account_id, $2::text, $3::text, $4::integer, $5::bigint from debited
)
insert into shipping_request (account_id, exchange_id, offer_id, quantity, deliver_to)
select account_id, $2::text, $3::text, $4::integer, $6::text from debited
