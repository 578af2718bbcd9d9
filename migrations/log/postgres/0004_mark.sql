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
