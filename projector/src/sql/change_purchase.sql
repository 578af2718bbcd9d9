update purchase
set lines = {lines}, earned = {earned}
{from}
where purchase.place = {place}
