-- A warehouse's own memory. Whatever a message brings is committed here before its offset is.

-- Every message that was taken, by ce_id: what comes again is dropped.
create table if not exists taken (
    ce_id text primary key
) without rowid;

-- How far each lane of each ledger has come.
create table if not exists lane (
    source text not null,
    lane text not null,
    sequence integer not null,
    primary key (source, lane)
) without rowid;

-- Sequences that a lane has skipped and that haven't come since.
create table if not exists gap (
    source text not null,
    lane text not null,
    first integer not null,
    last integer not null,
    primary key (source, lane, first)
) without rowid;

-- A parcel is 'announced' when a change of it came first: its request was in a gap.
create table if not exists parcel (
    shipping_request_id text primary key,
    state text not null check (state in ('announced', 'accepted', 'back-ordered', 'rejected',
        'cancelled', 'settled', 'dispatched', 'delivered')),
    account_id text not null,
    deliver_to text,
    -- JSON, as the message with the highest sequence says.
    lines text not null,
    lines_sequence integer not null,
    attempt integer not null default 1,
    accepted_at integer,
    carrier text,
    express_no text
) without rowid;

create index if not exists parcel_to_do on parcel (state)
    where state in ('accepted', 'back-ordered', 'dispatched');

-- What is to be told the ledger, in this order, and whether Kafka has acknowledged it.
create table if not exists answer (
    number integer primary key autoincrement,
    shipping_request_id text not null,
    body text not null,
    is_said integer not null default 0
);

create index if not exists answer_to_say on answer (number) where is_said = 0;
create index if not exists answer_of on answer (shipping_request_id);

-- Messages that make no sense; a human must look at them.
create table if not exists unreadable (
    topic text not null,
    partition integer not null,
    position integer not null,
    reason text not null,
    primary key (topic, partition, position)
) without rowid;
