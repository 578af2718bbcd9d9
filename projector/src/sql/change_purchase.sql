update purchase
set
    lines = {lines},
    points = purchase.points + {claimed_points},
    returned_points = purchase.returned_points + {returned_points},
    withdrawn_points = purchase.withdrawn_points + {withdrawn_points}
{from}
where purchase.place = {place}
