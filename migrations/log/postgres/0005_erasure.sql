-- Erasures of what is private of an account: a row for each event account-erased, and how far it is.
-- Times are in microseconds since 1970-01-01T00:00:00Z.
create table guerdon_log.erasure (
    -- of the event
    partition integer not null,
    position bigint not null,
    account_id text not null,
    -- events up to this position of the event's partition lose their private texts
    until bigint not null,
    asked_at bigint not null,
    -- since when nothing private is left in the table of events and beside the keys, in archives, and
    -- in the rows of the read tables
    log_at bigint,
    archive_at bigint,
    read_model_at bigint,
    -- ranges of the table of events that must be written anew: JSON, their numbers
    ranges text not null default '[]',
    -- since when no file has the bytes either
    done_at bigint,
    primary key (partition, position)
);

create index erasure_of_account on guerdon_log.erasure (account_id, asked_at);
create index erasure_is_unfinished on guerdon_log.erasure (asked_at) where done_at is null;

-- Files of the archive that are to be removed: those that erased ones have taken the place of, and
-- those that get their names right now, until archived_range has them.
create table guerdon_log.superseded_archive (
    file text not null primary key
);

-- By it the erasures are found that aren't noted yet.
create index event_is_erasure on guerdon_log.event (partition, position)
    where type = 'account-erased';

-- What is private mustn't get into the planner's statistics, which no erasure reaches. A range's table
-- says so for itself.
alter table guerdon_log.event alter column private set statistics 0;
alter table guerdon_log.unrecorded_call
    alter column subject set statistics 0,
    alter column name set statistics 0,
    alter column reason set statistics 0,
    alter column detail set statistics 0;
alter table guerdon_log.api_key alter column name set statistics 0;
