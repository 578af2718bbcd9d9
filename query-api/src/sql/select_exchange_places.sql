-- Where the events of an exchange stand: that which created it, and those that are facts below its
-- path, such as cancellations and what warehouses reported.
select place from exchange
where account_id = $1 and exchange_id = $2
union
select place from fact
where path > $3 and path < $4
order by place
limit $5
