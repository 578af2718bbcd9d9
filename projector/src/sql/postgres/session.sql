-- Every statement of the projector finds few rows of a big table by their keys, in batches of any
-- size. What a planner that hasn't seen the table grow, or takes the arrays for longer than they are,
-- may choose instead is a scan of all of it; so it is given no choice.
set plan_cache_mode to force_generic_plan;
set enable_seqscan to off;
set enable_hashjoin to off;
set enable_mergejoin to off;
set jit to off;
-- Durable on this server; what a failover takes is projected again, and nobody waits for a standby.
set synchronous_commit to local
