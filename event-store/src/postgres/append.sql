-- The whole append in one statement, which is one round trip and one transaction. No row: another
-- writer has moved the head, raised the epoch or declared a fork, and nothing was inserted.
--
-- The statement itself brings what a durable answer stands on, whatever the connection has set: the
-- warning of a commit that may be on one server only, and a commit that isn't answered before it is
-- on disk.
--
-- Where there are messages among the events, insert_messages.sql stands in the place of its line.
with moved as (
    update guerdon_log.partition_head
    set position = $5, generation = $6, last_batch = $7
    where partition = $1 and position = $2 and epoch = $3 and generation = $4
        and set_config('client_min_messages', 'warning', true) is not null
        and set_config(
            'synchronous_commit',
            case current_setting('synchronous_commit')
                when 'off' then 'on'
                else current_setting('synchronous_commit')
            end,
            true
        ) is not null
    returning position
)
-- messages
insert into guerdon_log.event (
    partition, position, generation, type, version, recorded_at, account_id, public, private,
    private_hash, checksum
)
select
    $1, $2 + new.number, new.generation, new.type, new.version, new.recorded_at, new.account_id,
    new.public, new.private, new.private_hash, new.checksum
from (
    -- In the select list the arrays are taken apart row by row, beside each other. In `from` each
    -- would be written into a table of its own first, for a fifth more of the whole insert.
    select
        generate_series(1, $5 - $2) as number, unnest($8::integer[]) as generation,
        unnest($9::text[]) as type, unnest($10::integer[]) as version,
        unnest($11::bigint[]) as recorded_at, unnest($12::text[]) as account_id,
        unnest($13::text[]) as public, unnest($14::text[]) as private,
        unnest($15::bytea[]) as private_hash, unnest($16::bytea[]) as checksum
    from moved
) as new
