-- The lower columns add up to less than 2^63; what is over 2^62 of it is carried into the upper one.
{insert}
on conflict ("partition", unit, name) do update set
    high = programme_total.high + excluded.high + ((programme_total.low + excluded.low) >> 62),
    low = (programme_total.low + excluded.low) & 4611686018427387903
