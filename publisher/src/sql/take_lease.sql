-- No row comes back while another holder's lease has not run out. One that is good for longer than
-- any is taken for was left by a clock that went back.
insert into lease (number, log_id, holder, epoch, expires_at)
values (1, $1, $2, 1, $4)
on conflict (number) do update set
    holder = excluded.holder,
    epoch = lease.epoch + 1,
    expires_at = excluded.expires_at
where lease.expires_at <= $3 or lease.expires_at > excluded.expires_at
    or lease.holder = excluded.holder
returning epoch
