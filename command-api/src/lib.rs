//! REQUEST: HTTP in, the one writer per partition, the outcome out.
//!
//! It knows no read table and no broker. In reading order:
//! - [`router()`]: every route on one page; one file per use case with its body and handler
//! - [`CommandApi`]: a command handed to the writer, its outcome put into words
//! - [`Writer`]: decides, appends, answers; it runs without HTTP too
//! - `refusal_problem`: the domain's refusals as problem documents

mod add_stock;
mod close_offer;
mod earn_credit;
mod execute;
mod offer_body;
mod put_offer;
mod redeem;
mod refusal_problem;
mod router;
mod writer;

pub use execute::CommandApi;
pub use refusal_problem::problem_pages;
pub use router::router;
pub use writer::{
    Answer, Decide, LoadError, NotDecided, Request, StartError, Unanswered, Writer, WriterConfig,
    WriterStatus,
};
