where purchase.account_id = $1 and purchase.purchase_id = $2
