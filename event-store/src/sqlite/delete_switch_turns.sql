delete from switch_turn
where switch = ?1 and caller is null
    and version < (select max(version) from switch_turn where switch = ?1)
