-- What has flowed through the programme and what there is, of all partitions.
select unit || ' ' || name, high, low
from programme_total
