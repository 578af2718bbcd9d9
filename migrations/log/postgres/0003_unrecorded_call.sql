-- Calls of which no event tells, by an operator, an auditor or about keys: they were refused, they
-- failed, or what they did is no fact of the ledger, such as making a key. They stand beside the keys,
-- because they are no part of the log. The oldest are deleted.
create table guerdon_log.unrecorded_call (
    -- a UUID of version 7: later ones are larger
    id uuid not null primary key,
    -- when it was answered, in microseconds since 1970-01-01T00:00:00Z
    at bigint not null,
    -- null where an operator's tool did it
    request_id text,
    traceparent text,
    -- the id of the caller's key, and the role; null where there was no valid key
    key_id text,
    role text,
    -- the person or program behind the key, and why it called: private
    subject text,
    name text,
    reason text,
    -- PUT /v1/…; of a tool its name and what it did: guerdon, keys revoke k-7f3a9c21
    method text not null,
    path text not null,
    -- the account that it was about; its private columns become null when that is erased
    account_id text,
    status integer not null,
    -- of the problem that it was answered with
    code text,
    -- what was wrong, which may repeat what was sent: private
    detail text
);

create index unrecorded_call_by_time on guerdon_log.unrecorded_call (at, id);
create index unrecorded_call_of_account on guerdon_log.unrecorded_call (account_id) where account_id is not null;
