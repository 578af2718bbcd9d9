delete from credit_part
where account_id = {account_id} and expires_at = {expires_at} and lot = {lot} and graced = {graced}
