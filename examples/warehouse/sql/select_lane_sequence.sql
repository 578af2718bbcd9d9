select sequence from lane where source = ?1 and lane = ?2
