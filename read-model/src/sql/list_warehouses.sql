-- Every warehouse that was ever asked for something.
select distinct warehouse
from lane
order by warehouse
