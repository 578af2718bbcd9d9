//! About how much memory an account takes beyond its place in the state.

use super::{Account, Hold, Pending, Rare};
use crate::LotPart;

impl Account {
    /// The bytes that it has allocated, without what the allocator adds.
    pub(crate) fn allocated_bytes(&self) -> usize {
        let Self { lots, taken, expired, rare } = self;
        let rare = rare.as_deref().map_or(0, |rare| size_of::<Rare>() + rare.allocated_bytes());
        lots.allocated_bytes() + taken.allocated_bytes() + expired.allocated_bytes() + rare
    }
}

impl Rare {
    fn allocated_bytes(&self) -> usize {
        let Self { pending, holds, debts, earned } = self;
        let held: usize = holds.iter().map(|hold| hold.lots.capacity()).sum();
        pending.capacity() * size_of::<Pending>()
            + holds.capacity() * size_of::<Hold>()
            + held * size_of::<LotPart>()
            + debts.allocated_bytes()
            + earned.capacity() * size_of::<super::Earned>()
    }
}
