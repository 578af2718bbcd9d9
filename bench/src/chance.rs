//! Marsaglia's xorshift, seeded, so that every run sends the same.

pub(crate) struct Chance(u64);

impl Chance {
    /// A sequence of its own for each client.
    pub(crate) const fn of_client(client: u64) -> Self {
        Self(client.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below the bound, each equally often.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}
