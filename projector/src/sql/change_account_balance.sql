update account_balance
set
    available = account_balance.available + {available},
    held = account_balance.held + {held},
    pending = account_balance.pending + {pending},
    owed = account_balance.owed + {owed},
    position = {position}
{from}
where account_balance.account_id = {account_id}
