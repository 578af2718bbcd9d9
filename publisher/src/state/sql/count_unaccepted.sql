select
    (select count(*) from unaccepted) as sent_again,
    (select count(*) from unaccepted where is_overdue = 1) as overdue
