update archived_range
set file = ?3, sha256 = ?4, members = ?5
where partition = ?1 and first_position = ?2 and file = ?6
