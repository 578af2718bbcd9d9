update unit_balance
set
    available = unit_balance.available + {available},
    held = unit_balance.held + {held},
    pending = unit_balance.pending + {pending},
    owed = unit_balance.owed + {owed},
    position = {position}
{from}
where unit_balance.account_id = {account_id} and unit_balance.unit = {unit}
