//! The read tables: their schema, and how they are read.
//!
//! It knows neither who writes them nor HTTP. In reading order:
//! - [`ReadModelUrl`]: where the tables are, and [`Side`]: the live ones or those made beside them
//! - [`migrate()`]: their schema, and [`TABLES`]: their columns, each declared once (`tables.rs`)
//! - [`ReadModel`]: readers, the servers that they choose from, and waiting for a position
//! - [`OfLog`]: the log whose tables are read, and no other's
//! - [`Checkpoint`]: the last event of a partition that the tables contain
//! - [`Changes`]: which accounts and offers a batch touched, for those who cache what they have
//!   read, and which there are none of
//! - [`ShippingMessage`]: the messages to warehouses, in the order of the log
//! - [`ShippingStatus`] and [`lane`](lane()): the progress of a shipping request, and its lane
//! - [`ladders_of()`]: the ladders, by the domain's own functions, from their rows
//! - [`Total`]: what is added up over all accounts
//! - [`wrong_sums()`], [`SUM_CHECKS`]: whether the sums that the projector moves are those of the
//!   rows
//! - [`dump()`]: every row as text, to compare two read models

mod changes;
mod checkpoint;
mod dump;
mod error;
mod event_place;
mod file_id;
mod known_ids;
mod ladders;
mod lane;
mod read_model;
mod schema;
mod shipping_lines;
mod shipping_message;
mod shipping_stream;
mod side;
mod sums;
mod table;
mod table_key;
mod tables;
mod total;
mod url;

pub use changes::{Changes, Learning, LogChanges, Subject};
pub use checkpoint::Checkpoint;
pub use domain::ShippingStatus;
pub use dump::dump;
pub use error::ReadModelError;
pub use event_place::{PROGRAMME, subject_of_account, subject_of_offer};
pub use file_id::FileId;
pub use ladders::{AccountTier, LadderVersion, LaddersError, TierTotal, ladders_of};
pub use lane::{LANE_SLOTS, lane};
pub use read_model::{
    Argument, AsOf, AskLog, Following, LastEvent, LogEnds, LogHistory, NeverThere, OfLog, Query,
    ReadError, ReadModel, Reading, RowOf, ServerStatus, SingleRead,
};
pub use schema::{check, migrate, migrate_side, sqlite_schema};
pub use shipping_lines::{LineRow, ParcelRow, lines_to_ship};
pub use shipping_message::{BodySpans, MessageKind, ShippingMessage};
pub use shipping_stream::{RequestProgress, shipping_id};
pub use side::Side;
pub use sums::{SUM_CHECKS, SumCheck, SumRow, WrongSum, wrong_sums};
pub use table::{Column, ColumnKind, Field, Row, Value};
pub use tables::{
    AccountBalance, BalanceSeal, CheckpointRow, ConversionRate, CreditLot, CreditMonth, CreditPart,
    EarningRule, EventPlace, Exchange, Fact, Hold, Lane, LedgerEntry, Merger, OfferAvailability,
    OfferSold, Operation, Policy, ProgrammeTotal, Purchase, ShippingChange, ShippingRequest,
    TABLES, Table, Unit, UnitBalance, Wait, column_list, with_columns,
};
pub use total::{Total, joined_sum, month_of_expiry, split_sum};
pub use url::{ReadModelUrl, ReadModelUrlError};

/// The stored `expires_at` of credit that never expires: the latest time.
pub const NEVER: i64 = i64::MAX;
