-- Returns no row while another holder's lease is valid. A lease that runs out later than a new one
-- would was written before the clock went back, and doesn't count.
insert into lease (number, log_id, holder, epoch, expires_at)
values (1, $1, $2, 1, $4)
on conflict (number) do update set
    holder = excluded.holder,
    epoch = lease.epoch + 1,
    expires_at = excluded.expires_at
where lease.expires_at <= $3 or lease.expires_at > excluded.expires_at
    or lease.holder = excluded.holder
returning epoch
