-- Every query of the read model finds few rows by an index, whatever its arguments are. A planner that
-- hasn't seen a table grow, or takes a warehouse for a small one, may choose a scan of all of it; so it
-- plans once for all arguments, and without the plans that read more. To compile a query would take a
-- thousand times as long as to run it.
set plan_cache_mode to force_generic_plan;
set enable_seqscan to off;
set enable_bitmapscan to off;
set enable_hashjoin to off;
set enable_mergejoin to off;
set jit to off;
