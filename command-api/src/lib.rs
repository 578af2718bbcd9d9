//! REQUEST: HTTP in, the one writer per partition, the outcome out.
//!
//! It knows no read table and no broker. In reading order:
//! - [`routes()`]: every route on one page; one file per use case with its body and handler
//! - [`CommandApi`]: a command handed to the writer, its outcome put into words
//! - [`Writers`]: the choice of the writer that decides a command
//! - [`Writer`]: decides, appends, answers; it runs without HTTP too
//! - [`KeyBook`]: the keys that callers show, made, revoked and rotated
//! - [`MarkBook`]: what operators have marked; [`SwitchBook`]: what they have turned on and off
//! - `restart`: the state that a writer starts with, from a snapshot and the events after it
//! - `refusal_problem`: the domain's refusals as problem documents

mod add_stock;
mod adjust_credit;
mod attempts;
mod cancel_exchange;
mod capture_hold;
mod close_offer;
mod confirm_clock;
mod convert_credit;
mod credit_lot;
mod earn_credit;
mod earn_credits;
mod erase_account;
mod execute;
mod extend_hold;
#[cfg(test)]
mod fact_bodies;
mod grant_tier;
mod hold_credit;
mod join_waiting_list;
mod key_book;
mod keys;
mod leave_waiting_list;
mod lifetime;
mod many;
mod mark_book;
mod marks;
mod merge_account;
mod metrics;
mod open_account;
mod patch;
mod pause_offer;
mod prices;
mod put_conversion_rate;
mod put_earning_rule;
mod put_ladder;
mod put_offer;
mod put_policy;
mod put_unit;
mod record_purchase;
mod record_purchases;
mod redeem;
mod redeem_later;
mod refund_capture;
mod refusal_problem;
mod release_hold;
mod remove_stock;
mod reopen_offer;
mod restart;
mod return_purchase;
mod reverse_return;
mod reverse_withdrawal;
mod router;
mod seal_balances;
mod set_segment;
mod shed_metrics;
mod shipment;
mod switch_book;
mod switches;
mod tier_prices;
mod transfer_credit;
mod upload_codes;
mod versioned_put;
mod withdraw_credit;
mod writer;
mod writer_metrics;
mod writers;

pub use erase_account::{Erasing, ReadUnshipped, Unshipped};
pub use execute::CommandApi;
pub use key_book::{Key, KeyBook, KeyError, KeyStatus, MadeKey, NewKey};
pub use keys::key_body;
pub use mark_book::MarkBook;
pub use metrics::CommandMetrics;
pub use refusal_problem::{problem_pages, starting};
pub use restart::{LoadError, Loaded, SnapshotError, Snapshots, Taken, load, load_past};
pub use router::{router, routes};
pub use seal_balances::{NoTrees, SealTrees};
pub use shipment::resend_routes;
pub use switch_book::SwitchBook;
pub use writer::{
    Answer, ClockDoubt, ClockReading, Decide, NotDecided, ReadClock, Request, StartError,
    StopReason, Unanswered, Writer, WriterConfig, WriterStatus,
};
pub use writer_metrics::WriterMetrics;
pub use writers::{Spread, TransferOutcome, Writers};
