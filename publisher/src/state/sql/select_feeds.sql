select feed, acknowledged_to, checked_to, stopped_why from feed
