-- What the projector makes of the log. All of it can be thrown away and rebuilt. Times are
-- microseconds since 1970-01-01T00:00:00Z; amounts are whole numbers up to 2^53-1.

create table account_balance (
    account_id text not null primary key,
    available integer not null constraint account_balance_is_covered check (available >= 0),
    held integer not null,
    pending integer not null,
    "partition" integer not null,
    -- the last event that changed it
    position integer not null
) strict, without rowid;

create table credit_lot (
    account_id text not null,
    -- the position of the event that made it
    lot integer not null,
    points integer not null,
    remaining integer not null constraint credit_lot_is_covered check (remaining >= 0),
    cause_kind text not null,
    cause_id text not null,
    recorded_at integer not null,
    primary key (account_id, lot)
) strict, without rowid;

-- The big tables below grow at their edge, by the place in the log (partition * 2^48 + position); what
-- is looked up by an account or an id goes through small indexes. Rows sorted by account would dirty
-- a page of the file for nearly every event.

-- The statement: what came to an account (positive) and went from it (negative).
create table ledger_entry (
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    account_id text not null,
    kind text not null,
    points integer not null,
    cause_kind text,
    cause_id text,
    exchange_id text,
    occurred_at integer,
    recorded_at integer not null
) strict;

create index ledger_entry_of_account on ledger_entry (account_id, place);

create table exchange (
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    account_id text not null,
    exchange_id text not null,
    offer_id text not null,
    product_id text not null,
    quantity integer not null,
    points integer not null,
    status text not null,
    occurred_at integer,
    recorded_at integer not null
) strict;

create unique index exchange_is_one_per_id on exchange (exchange_id, account_id);
create index exchange_of_account on exchange (account_id, place);

create table shipping_request (
    -- of the event that asked for it
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    -- {log id}-{generation}-{partition}-{position}: what a warehouse keys on
    shipping_request_id text not null,
    -- 1: goods bought for money, 2: goods got for points
    type integer not null,
    account_id text not null,
    exchange_id text,
    purchase_id text,
    -- JSON: [{"product_id":…,"quantity":…}]
    lines text not null,
    -- null once it has been erased
    deliver_to text,
    warehouse text not null,
    lane text not null,
    sequence integer not null,
    status text not null,
    carrier text,
    express_no text,
    constraint shipping_request_has_its_cause check (
        (type = 1 and purchase_id is not null and exchange_id is null)
        or (type = 2 and exchange_id is not null and purchase_id is null)
    )
) strict;

-- One shipping request for each exchange: projecting an event again changes nothing.
create unique index shipping_request_is_one_per_exchange
    on shipping_request (account_id, exchange_id) where type = 2;
create unique index shipping_request_is_one_per_purchase
    on shipping_request (account_id, purchase_id) where type = 1;

create table offer_availability (
    offer_id text not null primary key,
    product_id text not null,
    price integer not null,
    -- null where there is no end of them
    stock integer,
    remaining integer constraint offer_availability_is_not_oversold check (remaining >= 0),
    opens_at integer,
    closes_at integer,
    limit_per_shopper integer,
    warehouse text not null,
    version integer not null,
    phase text not null,
    "partition" integer not null,
    -- the last event that changed its terms or phase
    position integer not null
) strict, without rowid;

-- How many shipping requests each lane has had; counted from the log alone.
create table lane (
    lane text not null primary key,
    last_sequence integer not null
) strict, without rowid;

-- Up to which event each partition is projected, in the same transaction as the rows, and the
-- event's checksum, by which a log with another history is noticed.
create table checkpoint (
    "partition" integer not null primary key,
    log_id blob not null,
    generation integer not null,
    position integer not null,
    checksum blob not null,
    -- the event that could not be applied, and why
    stopped_at integer,
    stopped_why text
) strict;
