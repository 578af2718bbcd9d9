//! About how much memory a wallet takes beyond its place in the account.

use super::{Earned, Further, Hold, Pending, Rare, UnitNumber, Wallet};
use crate::{LotPart, Standings};

impl Wallet {
    /// The bytes that it has allocated, without what the allocator adds.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let Self { lots, expired, rare } = self;
        let rare = rare.as_deref().map_or(0, |rare| size_of::<Rare>() + rare.allocated_bytes());
        lots.allocated_bytes() + expired.allocated_bytes() + rare
    }
}

impl Rare {
    fn allocated_bytes(&self) -> usize {
        let Self { pending, holds, debts, earned, further } = self;
        let held: usize = holds.iter().map(|hold| hold.lots.capacity()).sum();
        pending.capacity() * size_of::<Pending>()
            + holds.capacity() * size_of::<Hold>()
            + held * size_of::<LotPart>()
            + debts.allocated_bytes()
            + earned.len() * size_of::<Earned>()
            + further.as_deref().map_or(0, Further::allocated_bytes)
    }
}

impl Further {
    /// With its own place.
    fn allocated_bytes(&self) -> usize {
        let wallets: usize = self.iter().map(|(_, wallet)| wallet.allocated_bytes()).sum();
        let standings = self.standings.as_deref();
        let standings = standings.map_or(0, |it| size_of::<Standings>() + it.allocated_bytes());
        let in_place = self.wallets.len() * size_of::<(UnitNumber, Wallet)>();
        size_of::<Self>() + in_place + wallets + standings
    }
}
