-- Gives what is left: a part with nothing left is deleted next.
update credit_part
set available = available + {available}, held = held + {held}, pending = pending + {pending}
where account_id = {account_id} and expires_at = {expires_at} and lot = {lot} and graced = {graced}
returning available + held + pending
