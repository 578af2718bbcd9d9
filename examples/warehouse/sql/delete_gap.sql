delete from gap
where source = ?1 and lane = ?2 and first <= ?3 and last >= ?3
returning first, last
