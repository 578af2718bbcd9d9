insert into policy (number, spent_credit, refund_grace_days, "partition", position)
values (1, ?1, ?2, ?3, ?4)
on conflict do update set
    spent_credit = excluded.spent_credit,
    refund_grace_days = excluded.refund_grace_days,
    "partition" = excluded."partition",
    position = excluded.position
