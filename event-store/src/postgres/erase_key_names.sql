-- The person who holds a key that is for one account.
update guerdon_log.api_key set name = null where account_id = $1
