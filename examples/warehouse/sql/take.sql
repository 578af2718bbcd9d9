insert into taken (ce_id) values (?1) on conflict do nothing
