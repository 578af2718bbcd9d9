-- ?3 is JSON: how many of each product came back.
update purchase
set
    lines = (
        select json_group_array(
            json_set(
                line.value,
                '$.returned',
                line.value ->> 'returned'
                + coalesce(
                    (
                        select back.value from json_each(?3) as back
                        where back.key = line.value ->> 'product_id'
                    ),
                    0
                )
            )
            order by line.key
        )
        from json_each(purchase.lines) as line
    ),
    returned_points = returned_points + ?4,
    withdrawn_points = withdrawn_points + ?5
where purchase_id = ?2 and account_id = ?1
