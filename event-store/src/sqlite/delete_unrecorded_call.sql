delete from unrecorded_call
where id = ?1
