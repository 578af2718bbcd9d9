-- Whole tables are read in the order of their keys, a page at a time: by the index, and not sorted
-- first. Between two pages of one side, pages of the other are read, and events are folded.
set idle_in_transaction_session_timeout to '60s';
set enable_seqscan to off;
set enable_sort to off;
set jit to off
