-- The log. One row says which log this file holds.
create table log (
    singleton integer not null primary key constraint log_is_one check (singleton = 1),
    log_id blob not null constraint log_id_is_uuid check (length(log_id) = 16),
    partitions integer not null
        constraint log_has_partitions check (partitions between 1 and 65535),
    -- the format of all that is stored; a build reads one format only
    format integer not null,
    -- what an import has made of it: unfinished (nobody opens it but the import) or finished; null
    -- where the log was never imported
    import_state text constraint log_import_is_known
        check (import_state in ('unfinished', 'finished'))
) strict;

-- The end of each partition. An append moves `position` by compare-and-set on position and epoch:
-- that is the optimistic check, the fence against a deposed writer, and why there are no gaps.
create table partition_head (
    partition integer not null primary key,
    position integer not null,
    epoch integer not null,
    generation integer not null,
    writer blob,
    last_batch blob
) strict;

-- The events, as they were appended. Nothing but an erasure (private becomes null) changes a row.
create table event (
    -- partition * 2^48 + position: one tree that grows at its edge, where a key of two columns
    -- would need a second one beside it.
    place integer not null primary key,
    partition integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    generation integer not null,
    type text not null,
    version integer not null,
    -- microseconds since 1970-01-01T00:00:00Z
    recorded_at integer not null,
    account_id text,
    -- JSON, kept byte for byte: the checksum is over these bytes
    public text not null,
    -- JSON with a random salt; null once it was erased
    private text,
    -- SHA-256 of the private text, which stays when the text is erased
    private_hash blob not null,
    -- SHA-256 over the fixed record, see log-record/src/recorded.rs
    checksum blob not null
) strict;

-- Which event is the message with a number to another partition: a row for each message-sent, written
-- with it. Numbers are dense for each source and destination, and the receiver reads on by them.
create table message (
    source integer not null,
    destination integer not null,
    number integer not null,
    -- of the event, in the source
    position integer not null,
    primary key (source, destination, number)
) strict, without rowid;
