-- Less of some products (?3: JSON, the quantity by product) or of every line (?4), while the parcel
-- is here; where nothing is left to be shipped, there is no parcel. ?2 is the place of the event.
update shipping_request
set (lines, status) = (
        select
            json_group_array(
                json_object('product_id', product_id, 'quantity', quantity) order by number
            ),
            iif(sum(quantity) = 0, 'cancelled', status)
        from (
            select
                line.key as number,
                line.value ->> 'product_id' as product_id,
                max(
                    0,
                    (line.value ->> 'quantity') - coalesce(
                        (
                            select less.value from json_each(?3) as less
                            where less.key = line.value ->> 'product_id'
                        ),
                        ?4
                    )
                ) as quantity
            from json_each(shipping_request.lines) as line
        )
    ),
    changed_at = ?2
where place = ?1 and changed_at < ?2 and status = 'requested'
