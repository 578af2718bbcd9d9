-- Gives what is left: a part with nothing left is deleted next. A part without pending points has no
-- time to mature.
update credit_part
set
    available = available + {available},
    held = held + {held},
    pending = pending + {pending},
    available_at = case when pending + {pending} > 0 then coalesce({available_at}, available_at) end
where account_id = {account_id} and expires_at = {expires_at} and lot = {lot} and graced = {graced}
returning available + held + pending
