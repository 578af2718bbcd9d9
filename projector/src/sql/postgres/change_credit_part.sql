-- What has no row yet is inserted next, and what has nothing left is deleted after that.
update credit_part
set
    available = credit_part.available + {available},
    held = credit_part.held + {held},
    pending = credit_part.pending + {pending}
{from}
where credit_part.account_id = {account_id}
    and credit_part.expires_at = {expires_at}
    and credit_part.lot = {lot}
    and credit_part.graced = {graced}
