-- Where the events are that are about something, in the order of the log.
select place
from event_place
where subject = $1 and place > $2
order by place
limit $3
