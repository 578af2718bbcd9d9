        -- By the index of the further units.
        and unit = $8 and unit <> 'points'
