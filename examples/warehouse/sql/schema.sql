-- A warehouse's own database. Each message is committed here before its offset is committed to Kafka.

-- The messages that were processed, by ce_id. A message that comes again is dropped.
create table if not exists processed_message (
    ce_id text primary key
) without rowid;

-- The last sequence of each lane of each ledger.
create table if not exists lane (
    source text not null,
    lane text not null,
    sequence integer not null,
    primary key (source, lane)
) without rowid;

-- Sequences of a lane that are missing.
create table if not exists gap (
    source text not null,
    lane text not null,
    first integer not null,
    last integer not null,
    primary key (source, lane, first)
) without rowid;

-- A parcel is 'announced' if a change came before its request, which was in a gap.
create table if not exists parcel (
    shipping_request_id text primary key,
    state text not null check (state in ('announced', 'accepted', 'back-ordered', 'rejected',
        'cancelled', 'settled', 'dispatched', 'delivered')),
    account_id text not null,
    deliver_to text,
    -- JSON, from the message with the highest sequence
    lines text not null,
    lines_sequence integer not null,
    attempt integer not null default 1,
    accepted_at integer,
    carrier text,
    express_no text
) without rowid;

create index if not exists parcel_to_process on parcel (state)
    where state in ('accepted', 'back-ordered', 'dispatched');

-- The answers to the ledger, in the order in which they are sent.
create table if not exists answer (
    number integer primary key autoincrement,
    shipping_request_id text not null,
    body text not null,
    -- 1: Kafka has acknowledged it
    is_sent integer not null default 0
);

create index if not exists answer_unsent on answer (number) where is_sent = 0;
create index if not exists answer_of_request on answer (shipping_request_id);

-- Messages that can't be read; a person must look at them.
create table if not exists unreadable (
    topic text not null,
    partition integer not null,
    position integer not null,
    reason text not null,
    primary key (topic, partition, position)
) without rowid;
