-- What the publisher has to remember: what Kafka has acknowledged, what warehouses have not accepted,
-- and what came in and can't be used. No rebuild of the read model touches it. Times are milliseconds
-- since 1970-01-01T00:00:00Z; places are those of the read model. Nothing here names the schema.

-- Who may send. Whoever takes the lease raises the epoch, and writes of an older one are refused.
create table lease (
    number bigint not null primary key constraint lease_is_one check (number = 1),
    log_id text not null,
    holder text not null,
    epoch bigint not null,
    expires_at bigint not null
);

-- A feed is one partition's messages for one warehouse: {partition}/{warehouse}.
create table feed (
    feed text collate "C" not null primary key,
    -- every message up to here is acknowledged, but for those of blocked lanes
    acknowledged_to bigint not null,
    -- every request up to here has been looked at for acceptance
    checked_to bigint not null,
    -- why nothing is sent to it until an operator says otherwise
    stopped_why text
);

-- Up to where a warehouse's messages were acknowledged when: how long it has had to accept them.
create table acknowledgement (
    feed text collate "C" not null,
    acknowledged_at bigint not null,
    acknowledged_to bigint not null,
    primary key (feed, acknowledged_at)
);

create table lane (
    lane text collate "C" not null primary key,
    feed text collate "C" not null,
    -- chosen once, so that what is in order here is in order there
    topic text collate "C" not null,
    topic_partition bigint not null,
    -- the last message before which, and with which, all of the lane is acknowledged
    place bigint not null,
    sequence bigint not null,
    message_id text not null,
    -- of that message, by which another history is noticed
    digest text collate "C" not null,
    -- why its next message can't be sent
    blocked_why text,
    -- 1: its partition has lost messages, and it hasn't gone back to where none may be missing
    is_lost bigint not null
);

-- The last offset that was acknowledged, by which a topic is noticed that has lost some.
create table topic_partition (
    topic text collate "C" not null,
    topic_partition bigint not null,
    topic_offset bigint not null,
    -- how often it was found to have lost some; all lanes have gone back for these or are marked
    losses bigint not null,
    primary key (topic, topic_partition)
);

-- Requests that were not accepted in time, and those that an operator wants sent again.
create table unaccepted (
    place bigint not null primary key,
    shipping_request_id text collate "C" not null unique,
    feed text collate "C" not null,
    -- how often it was sent
    attempts bigint not null,
    due_at bigint not null,
    -- 1: an operator was told, and is asked to look after it
    is_overdue bigint not null,
    -- 1: it is sent once more, whatever has become of it
    is_asked_for bigint not null
);

create index unaccepted_by_due_at on unaccepted (feed, due_at);
create index unaccepted_is_overdue on unaccepted (place) where is_overdue = 1;

create table parked (
    parked_id bigint generated always as identity primary key,
    topic text collate "C" not null,
    topic_partition bigint not null,
    topic_offset bigint not null,
    message_key bytea,
    body bytea not null,
    traceparent text,
    -- of the problem that the command API answered, and its detail
    code text not null,
    reason text not null,
    parked_at bigint not null,
    -- of key and body: a topic that was made anew counts its offsets anew
    digest text collate "C" not null,
    constraint parked_once unique (topic, topic_partition, topic_offset, digest)
);

-- How far each partition of an inbound topic is read. The consumer group's offset counts; this one
-- may be less.
create table inbound (
    topic text collate "C" not null,
    topic_partition bigint not null,
    next_offset bigint not null,
    -- of the log when reading began: after a fork, what was read before is read again
    generation bigint not null,
    primary key (topic, topic_partition)
);

-- What strangers wrote mustn't get into the planner's statistics, which no erasure reaches.
alter table parked
    alter column message_key set statistics 0,
    alter column body set statistics 0,
    alter column reason set statistics 0;
