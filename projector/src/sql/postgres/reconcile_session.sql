-- Whole tables are read in the order of their keys, a page at a time: by the index, and not sorted
-- first. Between two pages of one side, pages of the other are read, and events are folded: all of a
-- table where the other side has none of it, and the whole log where the state is compared.
set idle_in_transaction_session_timeout to '1h';
set enable_seqscan to off;
set enable_sort to off;
set jit to off
