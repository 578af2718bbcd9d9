insert into guerdon_log.switch_turn (switch, version, setting, caller, turned_at)
select $1::text, $2::bigint, $3::text, $4::text, $5::bigint
where not exists (select 1 from guerdon_log.switch_turn where switch = $1 and version >= $2)
on conflict do nothing
