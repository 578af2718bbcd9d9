-- What the projector makes of the log. All of it can be thrown away and rebuilt. Times are
-- microseconds since 1970-01-01T00:00:00Z; amounts are whole numbers up to 2^53-1. What is due by
-- itself (credit that expires, a hold that ends) stands here as it was before until the log says so;
-- those who read reckon with it.

create table account_balance (
    account_id text not null primary key,
    available integer not null constraint account_balance_is_covered check (available >= 0),
    held integer not null constraint account_held_is_covered check (held >= 0),
    pending integer not null constraint account_pending_is_covered check (pending >= 0),
    -- what was taken back after it had been spent
    owed integer not null constraint account_owed_is_covered check (owed >= 0),
    -- what it has pays what it owes, though the log doesn't say so yet
    must_repay integer not null generated always as (owed > 0 and available > 0) stored,
    "partition" integer not null,
    -- the last event that changed it
    position integer not null
) strict, without rowid;

create index account_must_repay on account_balance (account_id) where must_repay;

-- Likewise of each further unit that it has had: points stand above, in every account's own row.
create table unit_balance (
    account_id text not null,
    unit text not null,
    available integer not null constraint unit_balance_is_covered check (available >= 0),
    held integer not null constraint unit_held_is_covered check (held >= 0),
    pending integer not null constraint unit_pending_is_covered check (pending >= 0),
    -- what was taken back after it had been spent
    owed integer not null constraint unit_owed_is_covered check (owed >= 0),
    -- what it has pays what it owes, though the log doesn't say so yet
    must_repay integer not null generated always as (owed > 0 and available > 0) stored,
    "partition" integer not null,
    -- the last event that changed it
    position integer not null,
    primary key (account_id, unit)
) strict, without rowid;

create index unit_must_repay on unit_balance (account_id) where must_repay;

-- The live parts of lots, in spending order. A part that is used up has no row: what it came from is
-- in credit_lot, what became of it in ledger_entry.
create table credit_part (
    account_id text not null,
    -- 9223372036854775807: for ever
    expires_at integer not null,
    lot integer not null,
    -- 1: expires_at is a period of grace
    graced integer not null,
    unit text not null,
    available integer not null constraint credit_part_is_covered check (available >= 0),
    pending integer not null constraint credit_part_pending_is_covered check (pending >= 0),
    held integer not null constraint credit_part_held_is_covered check (held >= 0),
    -- of what is pending
    available_at integer,
    primary key (account_id, expires_at, lot, graced)
) strict, without rowid;

-- What falls due next, in all accounts.
create index credit_part_expires on credit_part (expires_at, account_id, unit)
    where expires_at < 9223372036854775807;
-- Of points alone the index above is as good, and most parts are of points.
create index credit_part_of_unit_expires on credit_part (unit, expires_at, account_id)
    where expires_at < 9223372036854775807 and unit <> 'points';
create index credit_part_matures on credit_part (available_at) where pending > 0;

-- The big tables below grow at their edge, by the place in the log (partition * 2^48 + position); what
-- is looked up by an account or an id goes through small indexes. Rows sorted by account would dirty
-- a page of the file for nearly every event.

-- What each lot was earned as, and for what. Its name is the place of the event that made it.
create table credit_lot (
    lot integer not null primary key,
    account_id text not null,
    unit text not null,
    points integer not null,
    cause_kind text not null,
    cause_id text not null,
    rule_id text,
    rule_version integer,
    reference text,
    recorded_at integer not null,
    available_at integer,
    expires_at integer
) strict;

-- The statement: every event that changed an account's credit, or where in the account it is.
create table ledger_entry (
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    account_id text not null,
    kind text not null,
    unit text not null,
    -- by how much available + held + pending - owed changed
    points integer not null,
    available integer not null,
    held integer not null,
    pending integer not null,
    -- what was earned for, also what a withdrawal took back
    cause_kind text,
    cause_id text,
    exchange_id text,
    cancellation_id text,
    hold_id text,
    -- of a capture
    refund_id text,
    transfer_id text,
    -- who sent it or got it
    counterparty text,
    withdrawal_kind text,
    withdrawal_id text,
    -- what was returned
    purchase_id text,
    reference text,
    -- JSON: the parts of lots, and what a capture released, as they are from then on
    lots text,
    released text,
    -- of a tier's event: JSON as in the event
    tier text,
    occurred_at integer,
    recorded_at integer not null
) strict;

-- In the order of the log, which is that of time, and between two times; with what is added up.
create index ledger_entry_of_account on ledger_entry (account_id, recorded_at, place, points);
create index ledger_entry_has_expired on ledger_entry (account_id, recorded_at)
    where kind = 'credit-expired';

create table hold (
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    account_id text not null,
    hold_id text not null,
    -- empty, but for the credit that pays a further unit of what is reserved: that unit
    part text not null default '',
    unit text not null,
    points integer not null,
    -- what it keeps: JSON as in the events
    lots text not null,
    -- what it reserves beside the credit, in the row of the first unit; prices and periods of limits:
    -- JSON as in the events
    offer_id text,
    product_id text,
    quantity integer,
    prices text,
    counted text,
    deadline integer not null,
    -- at its deadline, what comes back can be spent for at least so many days
    grace_days integer not null,
    -- held, captured, released (somebody asked), expired (its deadline passed)
    status text not null,
    captured_points integer,
    -- what came back of that, where it paid no exchange
    refunded_points integer not null,
    -- what it paid, where that was an exchange
    exchange_id text,
    -- the event that ended it, and when
    ended integer,
    ended_at integer,
    occurred_at integer,
    recorded_at integer not null
) strict;

create unique index hold_is_one_per_id on hold (account_id, hold_id, part);
create index hold_of_account on hold (account_id, recorded_at, place);
create index hold_is_live on hold (account_id, deadline) where status = 'held';
create index hold_is_due on hold (deadline) where status = 'held';
-- What was reserved of an offer by a time.
create index hold_by_offer on hold (offer_id, recorded_at) where offer_id is not null;

-- Those who wait for an offer, or have waited.
create table wait (
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    account_id text not null,
    wait_id text not null,
    offer_id text not null,
    -- waiting, served (a unit is kept), taken, left, lapsed (the deadline passed), closed (the offer is over)
    status text not null,
    -- until when a unit is or was kept
    deadline integer,
    -- the event that served it, and when; likewise the one that ended it
    served integer,
    served_at integer,
    ended integer,
    ended_at integer,
    occurred_at integer,
    recorded_at integer not null
) strict;

create unique index wait_is_one_per_id on wait (account_id, wait_id);
-- In the order in which they joined.
create index wait_for_offer on wait (offer_id, recorded_at, place) where status = 'waiting';
-- For whom a unit was kept by a time.
create index wait_was_served on wait (offer_id, served_at) where served is not null;

-- How far its parcel is, its shipping request says, which stands at the same place.
create table exchange (
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    account_id text not null,
    exchange_id text not null,
    offer_id text not null,
    product_id text not null,
    quantity integer not null,
    -- what it cost of the offer's first unit, and of those after it: JSON as in the events
    unit text not null,
    points integer not null,
    further_prices text,
    hold_id text,
    -- the place of the event that has the code, of an offer of codes; the code is in no table
    code_at integer,
    -- the tier that counted, JSON
    tier text,
    -- in which periods it counts towards the offer's limits, JSON as in the event
    counted text,
    cancelled_quantity integer not null,
    -- of the first unit; of the others it follows from the pieces cancelled
    refunded_points integer not null,
    occurred_at integer,
    recorded_at integer not null,
    constraint exchange_is_cancelled_once check (cancelled_quantity <= quantity)
) strict;

create unique index exchange_is_one_per_id on exchange (exchange_id, account_id);
-- An account's; what a shopper has had of an offer is among them.
create index exchange_of_account on exchange (account_id, recorded_at, place, offer_id);
-- What was sold of an offer by a time.
create index exchange_by_offer on exchange (offer_id, recorded_at, place, quantity);

create table purchase (
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    account_id text not null,
    purchase_id text not null,
    -- JSON as in the event, each line with the quantity that was returned
    lines text not null,
    -- JSON: what it earned of each unit, also by a claim, and what was taken back of that
    earned text not null,
    warehouse text,
    occurred_at integer,
    recorded_at integer not null
) strict;

create unique index purchase_is_one_per_id on purchase (purchase_id, account_id);
create index purchase_of_account on purchase (account_id, recorded_at, place);

-- What calls recorded that has no table of its own, by the path of the call: a return, a cancellation,
-- a warehouse's report. If a path was put more than once, the last one.
create table fact (
    -- accounts/ann/purchases/B-1/returns/r-1; a report has its exchange's or its purchase's path, and
    -- its own name behind that; a segment has the last that was said of it
    path text not null primary key,
    place integer not null,
    account_id text,
    -- the event's public text, JSON
    public text not null,
    -- who, and why, as the caller said; null, too, once the private text has been erased
    "by" text,
    reason text,
    recorded_at integer not null
) strict;

-- Those of an account that have something private, which an erasure looks for.
create index fact_has_private on fact (account_id) where "by" is not null or reason is not null;

-- Commitments to the balances of all accounts.
create table balance_seal (
    seal_id text not null primary key,
    -- of the event
    place integer not null,
    -- its public text, JSON
    public text not null
) strict;

create index balance_seal_by_place on balance_seal (place);

-- Accounts that were merged into others, which show them, too.
create table merger (
    account_id text not null primary key,
    into_id text not null,
    -- of the event
    place integer not null,
    recorded_at integer not null
) strict, without rowid;

create index merger_by_account_that_has_it on merger (into_id);
create index merger_by_place on merger (place);

-- What operators did, and what merchants and warehouses did by hand: an event for each command, the one
-- with the command's id. Calls that recorded no event are beside the log's keys.
create table operation (
    place integer not null primary key,
    -- of the event
    type text not null,
    account_id text,
    command text not null,
    -- the caller's key and role; null where an operator's tool wrote the event
    key_id text,
    role text,
    -- whom the key or token speaks for, who, and why: null, too, once the private text has been erased
    subject text,
    name text,
    "by" text,
    reason text,
    request_id text,
    traceparent text,
    -- the event's public text, JSON
    public text not null,
    recorded_at integer not null
) strict;

create index operation_by_time on operation (recorded_at, place);
create index operation_of_key on operation (key_id, recorded_at, place);
create index operation_of_account on operation (account_id, recorded_at, place);

-- Where in the log the events are that left no row of their own above, by what they are about: so that
-- all events of an account are found, and all that changed an offer.
create table event_place (
    -- accounts/ann, offers/o-1, or programme: units and ladders
    subject text not null,
    place integer not null,
    -- of an account's event that is about an exchange
    exchange_id text,
    primary key (subject, place)
) strict, without rowid;

create table shipping_request (
    -- of the event that asked for it
    place integer not null primary key,
    "partition" integer generated always as (place >> 48) virtual,
    position integer generated always as (place & 281474976710655) virtual,
    -- of the same event; a request's id is {log id}-{generation}-{partition}-{position}
    generation integer not null,
    -- 1: goods bought for money, 2: goods got for points
    type integer not null,
    account_id text not null,
    exchange_id text,
    purchase_id text,
    -- what was asked for, JSON: [{"product_id":…,"quantity":…}]
    lines text not null,
    -- what is wanted of it, where some was cancelled or came back
    lines_wanted text,
    -- what is wanted and hasn't left, where that is less than was asked for
    lines_left text,
    -- null once it has been erased
    deliver_to text,
    warehouse text not null,
    lane text not null,
    -- of its message in the lane
    sequence integer not null,
    recorded_at integer not null,
    -- the trace in which it was asked for
    traceparent text,
    -- requested, accepted, back-ordered, partly-dispatched, dispatched, delivered; cancelled,
    -- rejected, settled
    status text not null,
    -- since when, where something became known of it
    status_since integer,
    -- why, as the warehouse or the operator says; null, too, once it has been erased
    reason text,
    -- of the parcel that left last
    carrier text,
    express_no text,
    -- those that left, JSON: [{"dispatch_id":…,"lines":…,"carrier":…,"express_no":…,
    -- "tracking_url":…,"status":"dispatched" or "delivered"}]
    parcels text,
    -- more left than was wanted: somebody must see to it
    crossed integer not null default 0,
    -- how often it was asked for: once, and again for each operator's wish
    attempts integer not null default 1,
    -- the place of the last event that changed it: applied again, it changes nothing
    changed_at integer not null,
    constraint shipping_request_has_its_cause check (
        (type = 1 and purchase_id is not null and exchange_id is null)
        or (type = 2 and exchange_id is not null and purchase_id is null)
    )
) strict;

-- An account's, or that of an exchange or a purchase, are found by the place of that; and so there is
-- one for each.
-- A warehouse's, in the order of the log. Every entry ends in the place by itself.
create index shipping_request_of_warehouse on shipping_request (warehouse);
-- A warehouse's with a status.
create index shipping_request_of_status on shipping_request (status, warehouse);
create index shipping_request_has_crossed on shipping_request (place) where crossed;

-- What a warehouse is told of its requests after it was asked: there is less to ship, or nothing.
create table shipping_change (
    -- of the event that made it
    place integer not null primary key,
    -- of the same event; a change's id is made as a request's
    generation integer not null,
    -- the place of the request that it changes
    request integer not null,
    -- reduced, cancelled; requested, where an operator has it asked for again
    kind text not null,
    -- all lines as they are from now on
    lines text not null,
    -- the request's
    warehouse text not null,
    -- of its message in the request's lane
    sequence integer not null,
    -- how often its request was asked for by then, where it asks again; else 1
    attempt integer not null default 1,
    recorded_at integer not null,
    -- the trace in which it was asked for
    traceparent text
) strict;

create index shipping_change_of_warehouse on shipping_change (warehouse);

create table offer_availability (
    offer_id text not null primary key,
    product_id text not null,
    -- of one piece in its first unit, and in those after it: JSON as in the events
    unit text not null,
    price integer not null,
    further_prices text,
    -- whom it is for, and prices by tier: JSON as in the events
    tier text,
    segment text,
    tier_prices text,
    -- null where there is no end of them
    stock integer,
    -- without those that were cancelled, and with those that are reserved
    sold integer not null default 0,
    opens_at integer,
    closes_at integer,
    limit_per_shopper integer,
    -- in a day, a week and a month of the time zone: JSON as in the events
    limits_per_shopper text,
    time_zone text not null default 'UTC',
    warehouse text not null,
    ships integer not null default 1,
    -- whether each piece is a code
    codes integer not null default 0,
    -- what a page shows of it
    name text,
    description text,
    image_url text,
    category text,
    -- JSON
    attributes text,
    -- how a countdown shows what is left; null: exactly
    remaining_shown text,
    version integer not null,
    phase text not null,
    "partition" integer not null,
    -- the event that made this version
    position integer not null,
    constraint offer_availability_is_not_oversold check (sold <= stock)
) strict, without rowid;

-- A catalogue keeps its closed offers: a query for the others must not read them.
create index offer_is_closed on offer_availability (offer_id) where phase = 'closed';
create index offer_is_not_closed on offer_availability (offer_id) where phase <> 'closed';
-- What stands still, and what was closed last: few of many.
create index offer_stands_still on offer_availability (offer_id)
    where phase <> 'closed' and (phase = 'paused' or sold = stock);
create index offer_was_closed_at on offer_availability ("partition", position)
    where phase = 'closed' and closes_at is null;
create index offer_is_closed_until on offer_availability ("partition", closes_at)
    where phase = 'closed' and closes_at is not null;
-- What opens next.
create index offer_opens_at on offer_availability (opens_at)
    where phase <> 'closed' and opens_at is not null;

-- What was sold of an offer in partitions that aren't its home, whose own sales stand above: so each
-- projection has rows of its own. Without those that were cancelled.
create table offer_sold (
    offer_id text not null,
    "partition" integer not null,
    sold integer not null,
    primary key (offer_id, "partition")
) strict, without rowid;

-- Every version of every rule; the highest is in force.
create table earning_rule (
    rule_id text not null,
    version integer not null,
    -- JSON as in the event
    terms text not null,
    recorded_at integer not null,
    "partition" integer not null,
    position integer not null,
    primary key (rule_id, version)
) strict, without rowid;

-- Every version of every conversion rate. A closure is a version, with the terms of the one before.
create table conversion_rate (
    from_unit text not null,
    to_unit text not null,
    version integer not null,
    -- JSON
    terms text not null,
    closed_at integer,
    recorded_at integer not null,
    "partition" integer not null,
    position integer not null,
    primary key (from_unit, to_unit, version)
) strict, without rowid;

-- At most one row: the policy in force, once one was chosen.
create table policy (
    number integer not null primary key constraint policy_is_one check (number = 1),
    version integer not null,
    spent_credit text not null,
    refund_grace_days integer not null,
    grace_on_own_request integer not null,
    earning_points_max integer not null,
    "partition" integer not null,
    position integer not null
) strict;

-- The kinds of points. `points` is there from the log's opening on.
create table unit (
    unit text not null primary key,
    -- the place of the event that made it: units stand in this order
    made_at integer not null,
    name text,
    spendable integer not null,
    decimals integer not null,
    time_zone text not null,
    closed_at integer,
    version integer not null,
    "partition" integer not null,
    -- the event that made this version
    position integer not null
) strict, without rowid;

-- Every version of every ladder, as each partition knows it: the programme's home by its own event, the
-- others by a message. An account is judged by those of its partition; the home's are shown. The highest
-- is in force.
create table ladder (
    "partition" integer not null,
    ladder text not null,
    version integer not null,
    unit text not null,
    -- JSON as in the event
    terms text not null,
    recorded_at integer not null,
    position integer not null,
    primary key ("partition", ladder, version)
) strict, without rowid;

-- Where accounts stand on ladders: those that counted something, or were granted a tier. As it was
-- recorded; who reads one account reckons with what is due.
create table account_tier (
    account_id text not null,
    ladder text not null,
    -- what the ladder's rules go by, JSON: the sums, the version by which it was last judged, the ends
    standing text not null,
    -- the tier that counts: the higher of the two; null where there is none
    tier text,
    since integer,
    -- null where it has no end
    until integer,
    "partition" integer not null,
    -- the last event that changed it
    position integer not null,
    primary key (account_id, ladder)
) strict, without rowid;

create index account_tier_is_had on account_tier (ladder, tier, account_id) where tier is not null;
create index account_has_tier on account_tier (ladder, account_id) where tier is not null;

-- What is added up over all accounts: what has flowed through the programme, counted from the events
-- alone, and beside it what there is, added up from the changes of balances, which must come to the
-- same. The projector moves each sum with the rows, so that nobody has to add up all accounts. A sum is
-- high * 2^62 + low: a thousand of the largest amounts outgrow 64 bits.
create table programme_total (
    "partition" integer not null,
    unit text not null,
    -- issued, available, accounts …
    name text not null,
    high integer not null,
    low integer not null,
    primary key ("partition", unit, name)
) strict, without rowid;

-- How many accounts have a tier, as the rows of account_tier add up to it.
create table tier_total (
    "partition" integer not null,
    ladder text not null,
    tier text not null,
    accounts integer not null,
    primary key ("partition", ladder, tier)
) strict, without rowid;

-- The live credit, whether available, held or pending, by the month in which it expires: 2027-11, or
-- never. As it was recorded: who wants to know what can still be spent subtracts what fell due since.
create table credit_month (
    "partition" integer not null,
    unit text not null,
    month text not null,
    high integer not null,
    low integer not null,
    primary key ("partition", unit, month)
) strict, without rowid;

-- How many messages each lane has had, requests and their changes; counted from the log alone.
create table lane (
    lane text not null primary key,
    warehouse text not null,
    last_sequence integer not null,
    -- of the last message: what stands up to there isn't counted again
    last_place integer not null
) strict, without rowid;

-- Those who follow messages read the lanes that have changed.
create index lane_by_end on lane (last_place);

-- Up to which event each partition is projected, in the same transaction as the rows, and the
-- event's checksum, by which a log with another history is noticed.
create table checkpoint (
    "partition" integer not null primary key,
    log_id blob not null,
    generation integer not null,
    position integer not null,
    checksum blob not null,
    -- when the event was recorded
    recorded_at integer not null,
    -- where the log takes its time from: wall, doubted (a wall clock that can't be trusted until an
    -- operator confirms it) or commands; null before its first event
    clock text,
    -- the event that could not be applied, and why
    stopped_at integer,
    stopped_why text
) strict;
