//! The read tables, column by column. `migrations/read-model` creates them and explains each
//! column. The file is long because every table is declared here.
//!
//! A place is the number of `log_record::PackedPlace`. A time is in microseconds since 1970. Every
//! column that isn't a number, a flag or an id is a text; some texts are JSON.

use sql_macros::FromRow;

use crate::ladders::{AccountTier, LadderVersion, TierTotal};
use crate::row;
use crate::table::{Column, Row};

/// A read table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
}

/// All read tables.
pub const TABLES: [Table; 29] = [
    table::<AccountBalance>(),
    table::<UnitBalance>(),
    table::<CreditPart>(),
    table::<CreditLot>(),
    table::<LedgerEntry>(),
    table::<Hold>(),
    table::<Wait>(),
    table::<Exchange>(),
    table::<Purchase>(),
    table::<Fact>(),
    table::<BalanceSeal>(),
    table::<Merger>(),
    table::<Operation>(),
    table::<EventPlace>(),
    table::<ShippingRequest>(),
    table::<ShippingChange>(),
    table::<OfferAvailability>(),
    table::<OfferSold>(),
    table::<EarningRule>(),
    table::<Policy>(),
    table::<Unit>(),
    table::<LadderVersion>(),
    table::<AccountTier>(),
    table::<TierTotal>(),
    table::<ConversionRate>(),
    table::<ProgrammeTotal>(),
    table::<CreditMonth>(),
    table::<Lane>(),
    table::<CheckpointRow>(),
];

const fn table<R: Row>() -> Table {
    Table { name: R::TABLE, columns: R::COLUMNS }
}

row! {
    /// What an account has, as it was recorded; or by how much that changes.
    #[derive(Default, FromRow)]
    pub struct AccountBalance in "account_balance" {
        account_id: String,
        available: i64,
        held: i64,
        pending: i64,
        owed: i64,
        partition: i64,
        position: i64,
    }
}

row! {
    /// What an account has of a further unit than `points`, as it was recorded; or by how much that
    /// changes.
    #[derive(Default, FromRow)]
    pub struct UnitBalance in "unit_balance" {
        account_id: String,
        unit: String,
        available: i64,
        held: i64,
        pending: i64,
        owed: i64,
        partition: i64,
        position: i64,
    }
}

row! {
    /// A part of a lot that has something left; or by how much it changes.
    #[derive(FromRow)]
    pub struct CreditPart in "credit_part" {
        account_id: String,
        expires_at: i64,
        lot: i64,
        graced: bool,
        unit: String,
        available: i64,
        pending: i64,
        held: i64,
        available_at: Option<i64>,
    }
}

row! {
    /// A lot's origin: cause, rule and reference.
    #[derive(FromRow)]
    pub struct CreditLot in "credit_lot" {
        lot: i64,
        account_id: String,
        unit: String,
        points: i64,
        cause_kind: String,
        cause_id: String,
        rule_id: Option<String>,
        rule_version: Option<i64>,
        reference: Option<String>,
        recorded_at: i64,
        available_at: Option<i64>,
        expires_at: Option<i64>,
    }
}

row! {
    /// A line of the statement.
    #[derive(Default, FromRow)]
    pub struct LedgerEntry in "ledger_entry" {
        place: i64,
        account_id: String,
        kind: String,
        unit: String,
        points: i64,
        available: i64,
        held: i64,
        pending: i64,
        cause_kind: Option<String>,
        cause_id: Option<String>,
        exchange_id: Option<String>,
        cancellation_id: Option<String>,
        hold_id: Option<String>,
        refund_id: Option<String>,
        transfer_id: Option<String>,
        counterparty: Option<String>,
        withdrawal_kind: Option<String>,
        withdrawal_id: Option<String>,
        purchase_id: Option<String>,
        reference: Option<String>,
        lots: Option<String>,
        released: Option<String>,
        tier: Option<String>,
        occurred_at: Option<i64>,
        recorded_at: i64,
    }
}

row! {
    /// Credit that is or was set aside.
    #[derive(FromRow)]
    pub struct Hold in "hold" {
        place: i64,
        account_id: String,
        hold_id: String,
        part: String,
        unit: String,
        points: i64,
        lots: String,
        offer_id: Option<String>,
        product_id: Option<String>,
        quantity: Option<i64>,
        prices: Option<String>,
        counted: Option<String>,
        deadline: i64,
        grace_days: i64,
        status: String,
        captured_points: Option<i64>,
        refunded_points: i64,
        exchange_id: Option<String>,
        ended: Option<i64>,
        ended_at: Option<i64>,
        occurred_at: Option<i64>,
        recorded_at: i64,
    }
}

row! {
    /// A wait for a unit of an offer that is or was sold out.
    #[derive(FromRow)]
    pub struct Wait in "wait" {
        place: i64,
        account_id: String,
        wait_id: String,
        offer_id: String,
        status: String,
        deadline: Option<i64>,
        served: Option<i64>,
        served_at: Option<i64>,
        ended: Option<i64>,
        ended_at: Option<i64>,
        occurred_at: Option<i64>,
        recorded_at: i64,
    }
}

row! {
    /// Goods for points.
    #[derive(FromRow)]
    pub struct Exchange in "exchange" {
        place: i64,
        account_id: String,
        exchange_id: String,
        offer_id: String,
        product_id: String,
        quantity: i64,
        unit: String,
        points: i64,
        further_prices: Option<String>,
        hold_id: Option<String>,
        code_at: Option<i64>,
        tier: Option<String>,
        counted: Option<String>,
        cancelled_quantity: i64,
        refunded_points: i64,
        occurred_at: Option<i64>,
        recorded_at: i64,
    }
}

row! {
    /// Goods for money.
    #[derive(FromRow)]
    pub struct Purchase in "purchase" {
        place: i64,
        account_id: String,
        purchase_id: String,
        lines: String,
        earned: String,
        warehouse: Option<String>,
        occurred_at: Option<i64>,
        recorded_at: i64,
    }
}

row! {
    /// What calls recorded that has no table of its own.
    #[derive(FromRow)]
    pub struct Fact in "fact" {
        path: String,
        place: i64,
        account_id: Option<String>,
        public: String,
        by: Option<String>,
        reason: Option<String>,
        recorded_at: i64,
    }
}

row! {
    /// Commitments to the balances of all accounts.
    #[derive(FromRow)]
    pub struct BalanceSeal in "balance_seal" {
        seal_id: String,
        place: i64,
        public: String,
    }
}

row! {
    /// Accounts that were merged into others.
    #[derive(FromRow)]
    pub struct Merger in "merger" {
        account_id: String,
        into_id: String,
        place: i64,
        recorded_at: i64,
    }
}

row! {
    /// What an operator did, or another who isn't a shopper by hand.
    #[derive(FromRow)]
    pub struct Operation in "operation" {
        place: i64,
        r#type: String,
        account_id: Option<String>,
        command: String,
        key_id: Option<String>,
        role: Option<String>,
        subject: Option<String>,
        name: Option<String>,
        by: Option<String>,
        reason: Option<String>,
        request_id: Option<String>,
        traceparent: Option<String>,
        public: String,
        recorded_at: i64,
    }
}

row! {
    /// Where an event is that left no row of an account's credit, of an exchange or of a purchase.
    #[derive(FromRow)]
    pub struct EventPlace in "event_place" {
        subject: String,
        place: i64,
        exchange_id: Option<String>,
    }
}

row! {
    /// A shipping request and its status.
    #[derive(FromRow)]
    pub struct ShippingRequest in "shipping_request" {
        place: i64,
        generation: i64,
        r#type: i64,
        account_id: String,
        exchange_id: Option<String>,
        purchase_id: Option<String>,
        lines: String,
        lines_wanted: Option<String>,
        lines_left: Option<String>,
        deliver_to: Option<String>,
        warehouse: String,
        lane: String,
        sequence: i64,
        recorded_at: i64,
        traceparent: Option<String>,
        status: String,
        status_since: Option<i64>,
        reason: Option<String>,
        carrier: Option<String>,
        express_no: Option<String>,
        parcels: Option<String>,
        crossed: bool,
        attempts: i64,
        changed_at: i64,
    }
}

row! {
    /// A later message about a shipping request: there is less to ship, or nothing.
    #[derive(FromRow)]
    pub struct ShippingChange in "shipping_change" {
        place: i64,
        generation: i64,
        request: i64,
        kind: String,
        lines: String,
        warehouse: String,
        sequence: i64,
        attempt: i64,
        recorded_at: i64,
        traceparent: Option<String>,
    }
}

row! {
    /// An offer, and what is left of it.
    #[derive(FromRow)]
    pub struct OfferAvailability in "offer_availability" {
        offer_id: String,
        product_id: String,
        unit: String,
        price: i64,
        further_prices: Option<String>,
        tier: Option<String>,
        segment: Option<String>,
        tier_prices: Option<String>,
        stock: Option<i64>,
        sold: i64,
        opens_at: Option<i64>,
        closes_at: Option<i64>,
        limit_per_shopper: Option<i64>,
        limits_per_shopper: Option<String>,
        time_zone: String,
        warehouse: String,
        ships: bool,
        codes: bool,
        name: Option<String>,
        description: Option<String>,
        image_url: Option<String>,
        category: Option<String>,
        attributes: Option<String>,
        remaining_shown: Option<String>,
        version: i64,
        phase: String,
        partition: i64,
        position: i64,
    }
}

row! {
    /// What a partition other than the offer's home has sold of it; or by how much that changes.
    #[derive(FromRow)]
    pub struct OfferSold in "offer_sold" {
        offer_id: String,
        partition: i64,
        sold: i64,
    }
}

row! {
    /// A version of an earning rule.
    #[derive(FromRow)]
    pub struct EarningRule in "earning_rule" {
        rule_id: String,
        version: i64,
        terms: String,
        recorded_at: i64,
        partition: i64,
        position: i64,
    }
}

row! {
    /// The policy in force.
    #[derive(FromRow)]
    pub struct Policy in "policy" {
        number: i64,
        version: i64,
        spent_credit: String,
        refund_grace_days: i64,
        grace_on_own_request: bool,
        earning_points_max: i64,
        partition: i64,
        position: i64,
    }
}

row! {
    /// A kind of points.
    #[derive(FromRow)]
    pub struct Unit in "unit" {
        unit: String,
        made_at: i64,
        name: Option<String>,
        spendable: bool,
        decimals: i64,
        time_zone: String,
        closed_at: Option<i64>,
        version: i64,
        partition: i64,
        position: i64,
    }
}

row! {
    /// A version of a conversion rate.
    #[derive(FromRow)]
    pub struct ConversionRate in "conversion_rate" {
        from_unit: String,
        to_unit: String,
        version: i64,
        terms: String,
        closed_at: Option<i64>,
        recorded_at: i64,
        partition: i64,
        position: i64,
    }
}

row! {
    /// A total of a partition, or a batch's change to it.
    #[derive(FromRow)]
    pub struct ProgrammeTotal in "programme_total" {
        partition: i64,
        unit: String,
        name: String,
        high: i64,
        low: i64,
    }
}

row! {
    /// The live credit of a partition that expires in a month, or a batch's change to it.
    #[derive(FromRow)]
    pub struct CreditMonth in "credit_month" {
        partition: i64,
        unit: String,
        month: String,
        high: i64,
        low: i64,
    }
}

row! {
    /// The last message of a lane.
    #[derive(FromRow)]
    pub struct Lane in "lane" {
        lane: String,
        warehouse: String,
        last_sequence: i64,
        last_place: i64,
    }
}

row! {
    /// The last projected event of a partition, and why its projection stopped if it did.
    #[derive(FromRow)]
    pub struct CheckpointRow in "checkpoint" {
        partition: i64,
        log_id: Vec<u8>,
        generation: i64,
        position: i64,
        checksum: Vec<u8>,
        recorded_at: i64,
        clock: Option<String>,
        stopped_at: Option<i64>,
        stopped_why: Option<String>,
    }
}

impl Table {
    /// The names of the columns, for a statement that reads or writes all of them.
    #[must_use]
    pub fn column_list(&self) -> String {
        column_list(self.columns)
    }

    /// The same, each with the table's name before it.
    #[must_use]
    pub fn qualified_columns(&self) -> String {
        let names =
            self.columns.iter().map(|Column { name, .. }| format!(r#"{}."{name}""#, self.name));
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The names of columns, quoted, for one of them is a word of SQL's own.
#[must_use]
pub fn column_list(columns: &[Column]) -> String {
    let names = columns.iter().map(|Column { name, .. }| format!(r#""{name}""#));
    names.collect::<Vec<_>>().join(", ")
}

/// A statement in which every `{table}` stands for all columns of a table.
#[must_use]
pub fn with_columns(statement: &str) -> String {
    TABLES.iter().fold(statement.to_owned(), |statement, table| {
        statement.replace(&format!("{{{}}}", table.name), &table.qualified_columns())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_named_like_its_field_even_where_that_is_a_word_of_rust() {
        let names: Vec<&str> = ShippingRequest::COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names[..3], ["place", "generation", "type"]);
    }

    #[test]
    fn a_table_in_braces_stands_for_its_columns() {
        assert_eq!(
            with_columns("select {lane} from lane"),
            r#"select lane."lane", lane."warehouse", lane."last_sequence", lane."last_place" from lane"#
        );
    }
}
