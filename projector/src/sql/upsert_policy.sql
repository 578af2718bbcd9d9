{insert}
on conflict (number) do update set
    version = excluded.version,
    spent_credit = excluded.spent_credit,
    refund_grace_days = excluded.refund_grace_days,
    grace_on_own_request = excluded.grace_on_own_request,
    "partition" = excluded."partition",
    position = excluded.position
