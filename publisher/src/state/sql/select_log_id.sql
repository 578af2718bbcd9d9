select log_id from lease
