select id, at, request_id, traceparent, key_id, role, subject, name, reason, method, path,
    account_id, status, code, detail
from unrecorded_call
where (at, id) < (?1, ?2)
    and at >= ?3
    and (?4 is null or key_id = ?4)
    and (?5 is null or account_id = ?5)
    and status >= ?6
    and status < ?7
order by at desc, id desc
limit ?8
