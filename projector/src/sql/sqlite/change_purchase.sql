update purchase
set
    lines = ?2,
    returned_points = returned_points + ?3,
    withdrawn_points = withdrawn_points + ?4
where place = ?1
