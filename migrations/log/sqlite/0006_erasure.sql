-- Erasures of what is private of an account: a row for each event account-erased, and how far it is.
-- Times are in microseconds since 1970-01-01T00:00:00Z.
create table erasure (
    -- of the event
    place integer not null primary key,
    account_id text not null,
    -- events up to this position of the event's partition lose their private texts
    until integer not null,
    asked_at integer not null,
    -- since when nothing private is left in the table of events and beside the keys, in archives, and
    -- in the rows of the read tables
    log_at integer,
    archive_at integer,
    read_model_at integer,
    -- ranges of the table of events that must be written anew, on PostgreSQL: JSON, their numbers
    ranges text not null default '[]',
    -- since when no file has the bytes either
    done_at integer
) strict;

create index erasure_of_account on erasure (account_id, place);
create index erasure_is_unfinished on erasure (place) where done_at is null;

-- Files of the archive that are to be removed: those that erased ones have taken the place of, and
-- those that get their names right now, until archived_range has them.
create table superseded_archive (
    file text not null primary key
) strict;

-- By it the erasures are found that aren't noted yet.
create index event_is_erasure on event (place) where type = 'account-erased';
