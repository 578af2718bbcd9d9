delete from credit_part
using {change}
where credit_part.account_id = {account_id}
    and credit_part.expires_at = {expires_at}
    and credit_part.lot = {lot}
    and credit_part.graced = {graced}
    and credit_part.available + credit_part.held + credit_part.pending = 0
