//! A contender: which server, on which disk, prepared how, is asked what, at which pace.

use crate::disk::Disk;
use crate::naive::Way;
use crate::requests::Requests;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) server: Server,
    pub(crate) requests: Requests,
    pub(crate) credit: Credit,
    pub(crate) disk: Disk,
    pub(crate) pace: Pace,
    /// Whether thousands of others keep the server waiting meanwhile.
    pub(crate) is_beside_slow_clients: bool,
    /// Whether what is appended isn't sealed in the transparency log.
    pub(crate) is_unsealed: bool,
    pub(crate) watch: Watch,
    pub(crate) limits: Limits,
    /// How many partitions the ledger has.
    pub(crate) partitions: u16,
    /// Whether it has its turn only with `--full`, or when it is named.
    pub(crate) is_extra: bool,
}

/// Who takes the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// A handler that parses and answers.
    Noop,
    /// One PostgreSQL transaction a redemption.
    Naive(Way),
    /// The ledger's command API.
    CommandApi(Store),
    /// The ledger with all its parts.
    Whole(Store),
    /// The same on SQLite, with a Kafka; redemptions count once they are accepted.
    Publishing(Broker),
    /// Who sends to a Kafka what was redeemed before.
    Sender(Sender),
}

/// What a ledger has of Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broker {
    /// No Kafka is configured.
    Absent,
    Running,
    /// It was there until the load began.
    Stopped,
    /// It runs, and a consumer notes when each message comes.
    Followed,
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A producer of rdkafka's, with the messages in memory.
    Bare,
    /// The ledger's publisher, with the messages in the read model.
    Publisher,
}

/// Where the ledger keeps its log and its read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

/// What shoppers have before they redeem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credit {
    /// More than they can spend, in one lot.
    Plenty,
    /// Few shoppers have all their credit in one lot.
    OneLot,
    /// As few have as much credit in a thousand lots.
    ThousandLots,
    /// Plenty, while a million lots of others expire.
    Expiring,
}

/// Who is let in, and who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Callers have keys. Nobody reads the metrics, and no traces are sent.
    Keys,
    /// Callers have keys, a Prometheus reads the metrics, and a collector gets a hundredth of the
    /// traces.
    All,
    /// Callers need no keys. Nobody reads the metrics, and no traces are sent.
    Nothing,
}

/// Which limits on calls a ledger has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// As it comes: shoppers with keys of their own are limited, and an app's aren't.
    Usual,
    /// Each that there is, for each redemption, and so wide that it refuses nobody.
    All,
    /// None.
    Off,
}

impl Limits {
    /// With which a ledger has them.
    pub(crate) const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Usual => &[],
            Self::All => &[
                "--limit-shoppers-of-apps",
                "--limit-shopper=redemptions=1000000/1s",
                "--limit-key=redemptions=1000000/1s",
                "--limit-all=redemptions=1000000/1s",
                "--limit-offer=offer-0=1000000/1s",
            ],
            Self::Off => &["--limit-shopper=off", "--limit-wrong-keys=off"],
        }
    }
}

/// When the next request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Each connection's when its last was answered: how much is possible.
    Closed,
    /// At fixed times, half as many a second as that contender answered in the same round: how long
    /// an answer takes.
    HalfOf(&'static str),
    /// At fixed times, so many a second.
    Fixed(u32),
}

impl Contender {
    /// On the whole way a redemption counts once it can be read.
    pub(crate) const fn is_until_visible(&self) -> bool {
        matches!(self.server, Server::Whole(_)) && self.requests.are_redemptions()
    }

    /// Whether its rate is of messages, and nobody asks for anything over HTTP.
    pub(crate) const fn is_sender(&self) -> bool {
        matches!(self.server, Server::Sender(_))
    }

    /// Whether a consumer notes when its messages come.
    pub(crate) const fn is_followed(&self) -> bool {
        matches!(self.server, Server::Publishing(Broker::Followed))
    }

    /// The naive contender that does the same on the same disk, where there is one.
    pub(crate) fn naive(&self) -> Option<&'static str> {
        let is_usual = self.credit == Credit::Plenty
            && self.pace == Pace::Closed
            && !self.is_beside_slow_clients
            && !self.is_unsealed
            && self.partitions == 1;
        let is_ledger = matches!(self.server, Server::CommandApi(_) | Server::Whole(_));
        match (self.requests, self.disk) {
            _ if !is_usual || !is_ledger => None,
            (Requests::Redemptions, Disk::AsItIs) => Some("naive-uniform"),
            (Requests::HotRedemptions, Disk::AsItIs) => Some("naive-hot"),
            (Requests::Redemptions, Disk::Slow) => Some("naive-uniform-slow-disk"),
            (Requests::HotRedemptions, Disk::Slow) => Some("naive-hot-slow-disk"),
            _ => None,
        }
    }

    /// One that has its turn by default, at full speed.
    pub(crate) const fn new(name: &'static str, server: Server, requests: Requests) -> Self {
        let (credit, disk, pace) = (Credit::Plenty, Disk::AsItIs, Pace::Closed);
        let (is_beside_slow_clients, is_unsealed, is_extra) = (false, false, false);
        let (watch, limits) = (Watch::Keys, Limits::Usual);
        Self {
            name,
            server,
            requests,
            credit,
            disk,
            pace,
            is_beside_slow_clients,
            is_unsealed,
            watch,
            limits,
            partitions: 1,
            is_extra,
        }
    }

    pub(crate) const fn on_slow_disk(self) -> Self {
        Self { disk: Disk::Slow, ..self }
    }

    pub(crate) const fn beside_slow_clients(self) -> Self {
        Self { is_beside_slow_clients: true, ..self }
    }

    pub(crate) const fn unsealed(self) -> Self {
        Self { is_unsealed: true, ..self }
    }

    pub(crate) const fn watched_by(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }

    pub(crate) const fn limited_by(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(crate) const fn in_partitions(self, partitions: u16) -> Self {
        Self { partitions, ..self }
    }

    pub(crate) const fn with(self, credit: Credit) -> Self {
        Self { credit, ..self }
    }

    pub(crate) const fn at_half_of(self, name: &'static str) -> Self {
        Self { pace: Pace::HalfOf(name), ..self }
    }

    pub(crate) const fn at(self, rate: u32) -> Self {
        Self { pace: Pace::Fixed(rate), ..self }
    }

    pub(crate) const fn extra(self) -> Self {
        Self { is_extra: true, ..self }
    }
}
