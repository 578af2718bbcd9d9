-- Where each lane ends, in the read model.
select lane, last_sequence, last_place from lane
