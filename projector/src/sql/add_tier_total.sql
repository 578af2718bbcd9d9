{insert}
on conflict ("partition", ladder, tier) do update
set accounts = tier_total.accounts + excluded.accounts
