    order by expires_at, account_id, unit
    limit $7
) as part
order by part.expires_at, part.account_id, part.unit
