-- Where events are that are no longer in the table: a file for each partition and range.
create table guerdon_log.archived_range (
    partition integer not null,
    first_position bigint not null,
    last_position bigint not null,
    -- its name in the archive's folder
    file text not null,
    -- SHA-256 of the file
    sha256 bytea not null,
    -- where in the file each member begins: JSON, the offsets in bytes
    members json not null,
    primary key (partition, first_position)
);

-- Which folder of archived events the log's server reads: the id in its archive.json, and what the
-- server calls it. Nothing is archived into another one.
alter table guerdon_log.log add column archive_id uuid, add column archive_folder text;
