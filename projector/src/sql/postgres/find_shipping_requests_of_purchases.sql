select asked.number, request.place, lines, status, carrier, express_no, changed_at
from unnest($1::text[], $2::text[]) with ordinality as asked (account_id, purchase_id, number)
join shipping_request as request
    on request.account_id = asked.account_id
    and request.purchase_id = asked.purchase_id
    and request.type = 1
