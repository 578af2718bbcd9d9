-- What a durable answer stands on must not hang on the user's settings: the warning of a commit that
-- may be on one server only is sent, and no commit is answered before it is on disk. How far a
-- commit waits for standbys is the operator's choice (local, remote_write, on, remote_apply).
select
    set_config('client_min_messages', 'warning', false),
    set_config(
        'synchronous_commit',
        case current_setting('synchronous_commit')
            when 'off' then 'on'
            else current_setting('synchronous_commit')
        end,
        false
    )
