-- All with an id: a purchase id is unique within an account only.
where purchase.purchase_id = $1 and purchase.account_id > $2
order by purchase.account_id
limit $3
