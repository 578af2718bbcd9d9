-- An account's purchases, newest first, before a position.
select purchase_id, account_id, lines, points, rule_id, rule_version, warehouse, returned_points,
    withdrawn_points, place, occurred_at, recorded_at
from purchase
where account_id = $1 and place < $2
order by place desc
limit $3
