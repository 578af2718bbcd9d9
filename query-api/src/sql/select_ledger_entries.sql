-- Entries of the statement, each with what was redeemed: by its exchange, or by the exchange that its
-- hold paid; of a refund, how much of it was cancelled.
select {ledger_entry}, exchange.offer_id, exchange.product_id, exchange.quantity as ordered,
    cancellation.public as cancelled, hold.exchange_id as paid_exchange
from ledger_entry
left join hold on hold.account_id = ledger_entry.account_id
    and hold.hold_id = ledger_entry.hold_id
    and hold.part = ''
    and ledger_entry.kind = 'hold-captured'
left join exchange on exchange.account_id = ledger_entry.account_id
    and exchange.exchange_id = coalesce(ledger_entry.exchange_id, hold.exchange_id)
left join fact as cancellation on cancellation.path = 'accounts/' || ledger_entry.account_id
    || '/exchanges/' || ledger_entry.exchange_id
    || '/cancellations/' || ledger_entry.cancellation_id
