-- json_patch leaves out fields that are null.
insert into answer (shipping_request_id, body)
values (?1, json_patch(json_object('occurred_at', strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), ?2))
