select asked.number, purchase.place, purchase.lines, purchase.earned
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, purchase_id, number)
join purchase
    on purchase.purchase_id = asked.purchase_id and purchase.account_id = asked.account_id
