-- In the read model: where every lane ends.
select lane, warehouse, last_sequence, last_place from lane
