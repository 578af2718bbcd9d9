-- Appends of one or several partitions in one statement, which is one round trip and one
-- transaction. A partition that isn't among the rows that come back: another writer has moved its
-- head, raised the epoch or declared a fork, and nothing was inserted there.
--
-- The statement itself brings what a durable answer stands on, whatever the connection has set: the
-- warning of a commit that may be on one server only, and a commit that isn't answered before it is
-- on disk.
--
-- Where there are messages among the events, insert_messages.sql stands in the place of its line.
with asked as (
    select
        unnest($1::integer[]) as partition, unnest($2::bigint[]) as expected,
        unnest($3::bigint[]) as epoch, unnest($4::integer[]) as generation,
        unnest($5::bigint[]) as last, unnest($6::integer[]) as next_generation,
        unnest($7::uuid[]) as batch
), moved as (
    update guerdon_log.partition_head as head
    set position = asked.last, generation = asked.next_generation, last_batch = asked.batch
    from asked
    where head.partition = asked.partition and head.position = asked.expected
        and head.epoch = asked.epoch and head.generation = asked.generation
        and set_config('client_min_messages', 'warning', true) is not null
        and set_config(
            'synchronous_commit',
            case current_setting('synchronous_commit')
                when 'off' then 'on'
                else current_setting('synchronous_commit')
            end,
            true
        ) is not null
    returning head.partition
)
-- messages
, inserted as (
    insert into guerdon_log.event (
        partition, position, generation, type, version, recorded_at, account_id, public, private,
        private_hash, checksum
    )
    select
        new.partition, new.position, new.generation, new.type, new.version, new.recorded_at,
        new.account_id, new.public, new.private, new.private_hash, new.checksum
    from (
        -- In the select list the arrays are taken apart row by row, beside each other. In `from`
        -- each would be written into a table of its own first, for a fifth more of the whole insert.
        select
            unnest($8::integer[]) as partition, unnest($9::bigint[]) as position,
            unnest($10::integer[]) as generation, unnest($11::text[]) as type,
            unnest($12::integer[]) as version, unnest($13::bigint[]) as recorded_at,
            unnest($14::text[]) as account_id, unnest($15::text[]) as public,
            unnest($16::text[]) as private, unnest($17::bytea[]) as private_hash,
            unnest($18::bytea[]) as checksum
    ) as new
    where new.partition in (select partition from moved)
)
select partition from moved
