-- Whether what an account has of a lot was pending at a time: all that had matured by then was
-- recorded before, and what was sent on never was pending.
select exists (
    select 1 from credit_lot where lot = ?1 and account_id = ?2 and available_at > ?3
)
