-- What the publisher has to remember: what Kafka has acknowledged, what warehouses have not accepted,
-- and what came in and can't be used. No rebuild of the read model touches it. Times are milliseconds
-- since 1970-01-01T00:00:00Z; places are those of the read model.

-- Who may send. Whoever takes the lease raises the epoch, and writes of an older one are refused.
create table lease (
    number integer not null primary key constraint lease_is_one check (number = 1),
    log_id text not null,
    holder text not null,
    epoch integer not null,
    expires_at integer not null
) strict;

-- A feed is one partition's messages for one warehouse: {partition}/{warehouse}.
create table feed (
    feed text not null primary key,
    -- every message up to here is acknowledged, but for those of blocked lanes
    acknowledged_to integer not null,
    -- every request up to here has been looked at for acceptance
    checked_to integer not null,
    -- why nothing is sent to it until an operator says otherwise
    stopped_why text
) strict, without rowid;

-- Up to where a warehouse's messages were acknowledged when: how long it has had to accept them.
create table acknowledgement (
    feed text not null,
    acknowledged_at integer not null,
    acknowledged_to integer not null,
    primary key (feed, acknowledged_at)
) strict, without rowid;

create table lane (
    lane text not null primary key,
    feed text not null,
    -- chosen once, so that what is in order here is in order there
    topic text not null,
    topic_partition integer not null,
    -- the last message before which, and with which, all of the lane is acknowledged
    place integer not null,
    sequence integer not null,
    message_id text not null,
    -- of that message, by which another history is noticed
    digest text not null,
    -- why its next message can't be sent
    blocked_why text,
    -- 1: its partition has lost messages, and it hasn't gone back to where none may be missing
    is_lost integer not null
) strict, without rowid;

-- The last offset that was acknowledged, by which a topic is noticed that has lost some.
create table topic_partition (
    topic text not null,
    topic_partition integer not null,
    topic_offset integer not null,
    -- how often it was found to have lost some; all lanes have gone back for these or are marked
    losses integer not null,
    primary key (topic, topic_partition)
) strict, without rowid;

-- Requests that were not accepted in time, and those that an operator wants sent again.
create table unaccepted (
    place integer not null primary key,
    shipping_request_id text not null unique,
    feed text not null,
    -- how often it was sent
    attempts integer not null,
    due_at integer not null,
    -- 1: an operator was told, and is asked to look after it
    is_overdue integer not null,
    -- 1: it is sent once more, whatever has become of it
    is_asked_for integer not null
) strict;

create index unaccepted_by_due_at on unaccepted (feed, due_at);
create index unaccepted_is_overdue on unaccepted (place) where is_overdue = 1;

create table parked (
    parked_id integer not null primary key autoincrement,
    topic text not null,
    topic_partition integer not null,
    topic_offset integer not null,
    message_key blob,
    body blob not null,
    traceparent text,
    -- of the problem that the command API answered, and its detail
    code text not null,
    reason text not null,
    parked_at integer not null,
    -- of key and body: a topic that was made anew counts its offsets anew
    digest text not null,
    constraint parked_once unique (topic, topic_partition, topic_offset, digest)
) strict;

-- How far each partition of an inbound topic is read. The consumer group's offset counts; this one
-- may be less.
create table inbound (
    topic text not null,
    topic_partition integer not null,
    next_offset integer not null,
    -- of the log when reading began: after a fork, what was read before is read again
    generation integer not null,
    primary key (topic, topic_partition)
) strict, without rowid;
