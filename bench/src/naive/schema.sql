-- What the naive contender keeps. Half-filled pages let an update stay on its page, where no index
-- has to know of it.
create table credit (
    account_id text primary key,
    points bigint not null
) with (fillfactor = 50);

-- Units are null where the stock isn't counted.
create table offer (
    offer_id text primary key,
    price bigint not null,
    units bigint,
    constraint offer_units_are_not_negative check (units >= 0)
) with (fillfactor = 10);

create table credit_exchange (
    account_id text not null,
    exchange_id text not null,
    offer_id text not null,
    quantity integer not null,
    points bigint not null,
    created_at timestamptz not null default now(),
    primary key (account_id, exchange_id)
);

create table shipping_request (
    account_id text not null,
    exchange_id text not null,
    offer_id text not null,
    quantity integer not null,
    deliver_to text not null,
    status text not null default 'requested',
    primary key (account_id, exchange_id)
);
