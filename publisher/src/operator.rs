//! The routes by which operators watch the publisher and correct it.
//!
//! - `router`: all routes; `api`: what the handlers share; `problems`: the publisher's own problems
//! - `report`: `GET /v1/publisher`; `health`: the publisher's part of `GET /health/ready`
//! - `overdue`, `resend`, `parked`, `continuation`, `replay`: one file for each resource

pub(crate) mod api;
mod continuation;
pub(crate) mod health;
mod list;
mod overdue;
mod parked;
pub(crate) mod problems;
mod replay;
pub(crate) mod report;
mod resend;
pub(crate) mod router;
