select place, generation, type, version, recorded_at, account_id, public, private_hash, checksum
from event
where place > ?1 and place <= ?2
order by place
limit ?3
