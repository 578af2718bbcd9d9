insert into event
    (place, generation, type, version, recorded_at, account_id, public, private, private_hash, checksum)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
