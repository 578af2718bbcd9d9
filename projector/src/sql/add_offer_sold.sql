{insert}
on conflict (offer_id, "partition") do update
set sold = offer_sold.sold + excluded.sold
