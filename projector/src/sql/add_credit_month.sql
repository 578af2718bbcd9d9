-- As a total is added to.
{insert}
on conflict ("partition", unit, month) do update set
    high = credit_month.high + excluded.high + ((credit_month.low + excluded.low) >> 62),
    low = (credit_month.low + excluded.low) & 4611686018427387903
