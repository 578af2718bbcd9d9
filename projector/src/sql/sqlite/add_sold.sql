-- What was taken of an offer by exchanges that aren't among the events.
update offer_availability
set sold = sold + ?2
where offer_id = ?1
