-- The log, in a schema of its own. Nothing here is a sequence, a notification or an advisory lock:
-- a PostgreSQL-compatible engine will do, and every unique key holds the partition.

-- Which log this database holds.
create table guerdon_log.log (
    singleton integer not null primary key constraint log_is_one check (singleton = 1),
    log_id uuid not null,
    partitions integer not null
        constraint log_has_partitions check (partitions between 1 and 65535),
    -- the format of all that is stored; a build reads one format only
    format integer not null,
    -- how many positions a range of the table of events takes
    range_positions bigint not null default 10000000
        constraint log_range_is_some check (range_positions > 0),
    -- what an import has made of it: unfinished (nobody opens it but the import) or finished; null
    -- where the log was never imported
    import_state text constraint log_import_is_known
        check (import_state in ('unfinished', 'finished'))
);

-- The end of each partition. An append moves `position` by compare-and-set on position and epoch:
-- that is the optimistic check, the fence against a deposed writer, and why there are no gaps.
create table guerdon_log.partition_head (
    partition integer not null primary key,
    position bigint not null,
    epoch bigint not null,
    generation integer not null,
    writer uuid,
    last_batch uuid
)
-- The row is updated with every append; in a page that is nearly empty the new version finds room
-- beside the old one, and no index is touched.
with (fillfactor = 10);

-- The events, as they were appended. Nothing but an erasure (private becomes null) changes a row.
-- The table is cut into ranges of positions, made ahead by the writer, so that old ones can be
-- detached and archived.
create table guerdon_log.event (
    partition integer not null,
    position bigint not null,
    generation integer not null,
    type text not null,
    version integer not null,
    -- microseconds since 1970-01-01T00:00:00Z
    recorded_at bigint not null,
    account_id text,
    -- JSON, kept byte for byte: the checksum is over these bytes. As text, for to check it again
    -- as json would cost each insert a fourth more; public::json gives its fields
    public text not null,
    -- JSON with a random salt; null once it was erased
    private text,
    -- SHA-256 of the private text, which stays when the text is erased
    private_hash bytea not null,
    -- SHA-256 over the fixed record, see log-record/src/recorded.rs
    checksum bytea not null,
    primary key (partition, position)
) partition by range (position);

-- Which event is the message with a number to another partition: a row for each message-sent, written
-- with it. Numbers are dense for each source and destination, and the receiver reads on by them.
create table guerdon_log.message (
    source integer not null,
    destination integer not null,
    number bigint not null,
    -- of the event, in the source
    position bigint not null,
    constraint message_is_sent_once primary key (source, destination, number)
);

-- Who may call. It stands beside the log so that all processes know the same keys; of a key only
-- its SHA-256 is kept. Times are in microseconds since 1970-01-01T00:00:00Z.
create table guerdon_log.api_key (
    -- no secret: it is in the events of those who called with the key
    id text not null primary key,
    hash bytea not null constraint api_key_hash_is_unique unique
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
    created_at bigint not null,
    expires_at bigint,
    revoked_at bigint,
    -- to the minute: written now and then, never on a request's way
    last_used_at bigint
);

-- The key under which the codes of offers are hashed, by which a code is known again. It is made with the
-- log, and a copy of the log takes it along; a log that was imported has none.
create table guerdon_log.code_key (
    singleton integer not null primary key constraint code_key_is_one check (singleton = 1),
    key bytea not null constraint code_key_has_32_bytes check (length(key) = 32)
);
