select spent_credit, refund_grace_days, "partition", position
from policy
