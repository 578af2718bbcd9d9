-- An id that is there was written by a try whose answer was lost.
insert into unrecorded_call (id, at, request_id, traceparent, key_id, role, subject, name, reason,
    method, path, account_id, status, code, detail)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
on conflict do nothing
