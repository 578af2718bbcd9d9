insert into switch_turn (switch, version, setting, caller, turned_at)
select ?1, ?2, ?3, ?4, ?5
where not exists (select 1 from switch_turn where switch = ?1 and version >= ?2)
