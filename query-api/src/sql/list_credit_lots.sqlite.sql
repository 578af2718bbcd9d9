-- $1 is a list of lots, as JSON.
select lot, account_id, points, cause_kind, cause_id, rule_id, rule_version, reference,
    recorded_at, expires_at
from credit_lot
where lot in (select value from json_each($1))
