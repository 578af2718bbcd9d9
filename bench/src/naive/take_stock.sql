update offer set units = units - $2::integer
where offer_id = $1
