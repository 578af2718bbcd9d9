insert into guerdon_log.archived_range (
    partition, first_position, last_position, file, sha256, members
)
values ($1, $2, $3, $4, $5, $6::text::json)
