//! What is added up over all accounts: the names of the totals, and sums that outgrow 64 bits.

use domain::Timestamp;

/// A total of the whole programme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Total {
    /// Points earned.
    Issued,
    /// Points spent.
    Redeemed,
    /// Points that cancellations gave back.
    Refunded,
    /// Points that expired.
    Expired,
    /// Points taken away.
    Withdrawn,
    /// Points sent to other accounts.
    Sent,
    /// Points received from other accounts.
    Received,
    /// Points that paid debts.
    Repaid,
    /// Points that other units became.
    ConvertedIn,
    /// Points that became other units.
    ConvertedOut,
    /// Points that can be spent.
    Available,
    /// Points set aside by holds.
    Held,
    /// Points that can be spent later.
    Pending,
    /// Points owed.
    Owed,
    /// Number of accounts.
    Accounts,
    /// Number of exchanges.
    Exchanges,
    /// Number of cancellations.
    Cancellations,
    /// Number of purchases.
    Purchases,
    /// Number of returns.
    Returns,
    /// Number of holds.
    Holds,
    /// Number of transfers.
    Transfers,
    /// Number of conversions.
    Conversions,
    /// Number of parcels that left.
    Shipments,
}

impl Total {
    /// As the table names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Redeemed => "redeemed",
            Self::Refunded => "refunded",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Repaid => "repaid",
            Self::ConvertedIn => "converted_in",
            Self::ConvertedOut => "converted_out",
            Self::Available => "available",
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Owed => "owed",
            Self::Accounts => "accounts",
            Self::Exchanges => "exchanges",
            Self::Cancellations => "cancellations",
            Self::Purchases => "purchases",
            Self::Returns => "returns",
            Self::Holds => "holds",
            Self::Transfers => "transfers",
            Self::Conversions => "conversions",
            Self::Shipments => "shipments",
        }
    }
}

/// How many bits of a sum its lower column has.
const LOW_BITS: u32 = 62;

/// A sum as two columns. The lower one has 62 bits and no sign, so two of them add up to what a
/// 64-bit column can have, and a database carries the rest into the upper one.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "a sum has less than 125 bits")]
pub const fn split_sum(sum: i128) -> (i64, i64) {
    let low = sum & ((1 << LOW_BITS) - 1);
    // No log has 2^63 amounts, and an amount has 53 bits.
    ((sum >> LOW_BITS) as i64, low as i64)
}

/// The sum that two columns have.
#[must_use]
pub const fn joined_sum(high: i64, low: i64) -> i128 {
    ((high as i128) << LOW_BITS) + low as i128
}

/// The month in which credit expires, `2027-11`; `never` where it doesn't.
#[must_use]
pub fn month_of_expiry(expires_at: i64) -> String {
    // The stored time of credit that never expires is none.
    match Timestamp::from_micros(expires_at) {
        Ok(time) => time.to_string().chars().take("2027-11".len()).collect(),
        Err(_) => "never".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NEVER;

    #[test]
    fn a_sum_of_any_size_and_sign_comes_back_from_its_columns() {
        let amount_max = i128::from((1_i64 << 53) - 1);
        for sum in [0, 1, -1, 1 << 62, (1 << 62) - 1, -(1 << 62), amount_max * 5_000_000_000] {
            for sum in [sum, -sum] {
                let (high, low) = split_sum(sum);
                assert!((0..1 << LOW_BITS).contains(&low), "{sum}: {low}");
                assert_eq!(joined_sum(high, low), sum);
            }
        }
    }

    #[test]
    fn credit_expires_in_a_month_or_never() {
        assert_eq!(month_of_expiry(0), "1970-01");
        assert_eq!(month_of_expiry(Timestamp::LAST.micros()), "9999-12");
        assert_eq!(month_of_expiry(NEVER), "never");
    }
}
