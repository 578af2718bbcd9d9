        and unit = 'points'
