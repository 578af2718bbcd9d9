-- What operators have marked: every part of the ledger logs it in detail and keeps its traces, until the
-- mark ends. It stands beside the keys, so that all processes know the same marks. Times are in
-- microseconds since 1970-01-01T00:00:00Z.
create table guerdon_log.mark (
    kind text not null constraint mark_kind_is_known check (kind in ('account', 'request')),
    id text not null,
    -- the id of the key that marked it
    key_id text,
    marked_at bigint not null,
    ends_at bigint not null,
    primary key (kind, id)
);

-- How operators have turned the switches of the ledger. The latest turn of a switch counts; those before it
-- stay until their events are recorded. Times are in microseconds since 1970-01-01T00:00:00Z.
create table guerdon_log.switch_turn (
    switch text not null,
    version bigint not null constraint switch_turn_is_counted check (version > 0),
    -- how the switch is set from then on, as JSON
    setting text not null,
    -- who turned it, and why, as JSON, until the event that tells of it is recorded
    caller text,
    turned_at bigint not null,
    primary key (switch, version)
);
