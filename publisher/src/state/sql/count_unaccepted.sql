select count(*), cast(coalesce(sum(is_overdue), 0) as bigint) from unaccepted
