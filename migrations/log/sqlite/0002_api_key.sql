-- Who may call. It stands beside the log so that all processes know the same keys; of a key only
-- its SHA-256 is kept.
create table api_key (
    hash blob not null primary key constraint api_key_hash_is_sha256 check (length(hash) = 32),
    role text not null constraint api_key_role_is_known
        check (role in ('shopper', 'merchant', 'operator', 'warehouse', 'auditor'))
) strict;
