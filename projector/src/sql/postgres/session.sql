-- Every statement of the projector finds few rows of a big table by their keys, in batches of any
-- size. What a planner that hasn't seen the table grow, or takes the arrays for longer than they are,
-- may choose instead is a scan of all of it; so it is given no choice.
set plan_cache_mode to force_generic_plan;
set enable_seqscan to off;
set enable_hashjoin to off;
set enable_mergejoin to off;
set jit to off;
-- A commit isn't waited for: rows and checkpoint go back together where the server is killed, and are made
-- again from the log.
set synchronous_commit to off
