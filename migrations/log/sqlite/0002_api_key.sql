-- Who may call. It stands beside the log so that all processes know the same keys; of a key only
-- its SHA-256 is kept. Times are in microseconds since 1970-01-01T00:00:00Z.
create table api_key (
    -- no secret: it is in the events of those who called with the key
    id text not null primary key,
    hash blob not null constraint api_key_hash_is_unique unique
        constraint api_key_hash_is_sha256 check (length(hash) = 32),
    role text not null constraint api_key_role_is_known
        check (role in ('shopper', 'merchant', 'operator', 'warehouse', 'auditor')),
    label text not null,
    -- separated by spaces
    scopes text not null,
    -- the one account that the key is for, where it is bound to one
    account_id text,
    -- of the person who holds it
    name text,
    created_at integer not null,
    expires_at integer,
    revoked_at integer,
    -- to the minute: written now and then, never on a request's way
    last_used_at integer
) strict;

-- The key under which the codes of offers are hashed, by which a code is known again. It is made with the
-- log, and a copy of the log takes it along; a log that was imported has none.
create table code_key (
    singleton integer not null primary key constraint code_key_is_one check (singleton = 1),
    key blob not null constraint code_key_has_32_bytes check (length(key) = 32)
) strict;
