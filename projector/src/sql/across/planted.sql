-- For a test: nothing of this goes together.
insert into account_balance (account_id, available, held, pending, owed, "partition", position)
values ('ann', 500, 0, 0, 0, 0, 1);
insert into unit_balance (account_id, unit, available, held, pending, owed, "partition", position)
values ('ann', 'miles', 0, 0, 20, 0, 0, 1);
insert into credit_part (account_id, expires_at, lot, graced, unit, available, pending, held, available_at)
values ('ann', 9223372036854775807, 1, 0, 'points', 495, 0, 7, null);
insert into ledger_entry (place, account_id, kind, unit, points, available, held, pending, recorded_at)
values (1, 'ann', 'credit-earned', 'points', 9007199254740991, 0, 0, 0, 1);
insert into hold (place, account_id, hold_id, unit, points, lots, deadline, grace_days, status,
    refunded_points, recorded_at)
values (2, 'ann', 'h-1', 'points', 3, '[]', 9, 0, 'held', 0, 1);
insert into offer_availability (offer_id, product_id, unit, price, sold, warehouse, version, phase, "partition",
    position)
values ('mug', 'mug', 'points', 1, 2, 'main', 1, 'open', 0, 1);
insert into exchange (place, account_id, exchange_id, offer_id, product_id, quantity, unit, points,
    cancelled_quantity, refunded_points, recorded_at)
values (3, 'ann', 'x-1', 'mug', 'mug', 1, 'points', 1, 0, 0, 1);
insert into shipping_request (place, generation, type, account_id, exchange_id, lines, warehouse, lane,
    sequence, recorded_at, status, changed_at)
values (4, 1, 2, 'ann', 'x-9', '[]', 'main', '0/main/3', 1, 1, 'requested', 4);
insert into lane (lane, warehouse, last_sequence, last_place) values ('0/main/3', 'main', 5, 4);
insert into programme_total ("partition", unit, name, high, low)
values (0, 'points', 'exchanges', 0, 4), (0, 'points', 'holds', 0, 1),
    (0, 'points', 'issued', 0, 40), (0, 'points', 'available', 0, 39);
