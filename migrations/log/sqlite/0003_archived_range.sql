-- Where events are that are no longer in the table: a file for each partition and range.
create table archived_range (
    partition integer not null,
    first_position integer not null,
    last_position integer not null,
    -- its name in the archive's folder
    file text not null,
    -- SHA-256 of the file
    sha256 blob not null,
    -- where in the file each member begins: JSON, the offsets in bytes
    members text not null,
    primary key (partition, first_position)
) strict;

-- How many positions go to a file of the archive.
alter table log add column range_positions integer not null default 1000000;

-- Which folder of archived events the log's server reads: the id in its archive.json, and what the
-- server calls it. Nothing is archived into another one.
alter table log add column archive_id blob;
alter table log add column archive_folder text;
