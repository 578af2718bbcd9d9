{insert}
on conflict (number) do update set
    version = excluded.version,
    spent_credit = excluded.spent_credit,
    refund_grace_days = excluded.refund_grace_days,
    grace_on_own_request = excluded.grace_on_own_request,
    earning_points_max = excluded.earning_points_max,
    "partition" = excluded."partition",
    position = excluded.position
