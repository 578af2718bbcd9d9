-- What a person could be known by, in the calls about an account.
update guerdon_log.unrecorded_call
set subject = null, name = null, reason = null, detail = null
where account_id = $1
