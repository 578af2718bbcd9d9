select count(*) from parked
