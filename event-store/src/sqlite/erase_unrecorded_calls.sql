-- What a person could be known by, in the calls about an account.
update unrecorded_call
set subject = null, name = null, reason = null, detail = null
where account_id = ?1
