insert into processed_message (ce_id) values (?1) on conflict do nothing
