-- When the last event was recorded, and where the log takes its time from.
select max(recorded_at), max(clock)
from checkpoint
