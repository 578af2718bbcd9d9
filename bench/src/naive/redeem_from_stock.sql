-- As redeem.sql, with the stock. Each step waits for the one before it, so the stock's row, which
-- everybody wants, is locked last; its constraint undoes everything when the stock is gone.
with debited as (
    update credit set points = points - $5::bigint
    where account_id = $1 and points >= $5::bigint
    returning account_id
), exchanged as (
    insert into credit_exchange (account_id, exchange_id, offer_id, quantity, points)
    select account_id, $2::text, $3::text, $4::integer, $5::bigint from debited
    returning account_id
), shipped as (
    insert into shipping_request (account_id, exchange_id, offer_id, quantity, deliver_to)
    select account_id, $2::text, $3::text, $4::integer, $6::text from exchanged
    returning account_id
)
update offer set units = units - $4::integer
where offer_id = $3::text and exists (select from shipped)
