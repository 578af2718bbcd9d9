select number, shipping_request_id, body from answer where is_sent = 0 order by number limit ?1
