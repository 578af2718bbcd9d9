//! Random bits for private texts.

use event_schema::Salt;

/// So many bytes are asked of the operating system at a time: a call for each event cost a
/// thirtieth of a redemption.
const DRAWN_BYTES: usize = 4096;

/// The bytes of a salt.
const SALT_BYTES: usize = 16;

/// Salts from the operating system's randomness, each given once.
pub(super) struct Salts {
    drawn: Box<[u8; DRAWN_BYTES]>,
    /// How many of the bytes are used up.
    used: usize,
}

impl Salts {
    pub(super) fn new() -> Self {
        Self { drawn: Box::new([0; DRAWN_BYTES]), used: DRAWN_BYTES }
    }

    pub(super) fn next(&mut self) -> Result<Salt, getrandom::Error> {
        if self.used + SALT_BYTES > DRAWN_BYTES {
            getrandom::fill(&mut *self.drawn)?;
            self.used = 0;
        }
        let mut salt = [0; SALT_BYTES];
        let bytes = self.drawn.iter_mut().skip(self.used).take(SALT_BYTES);
        for (byte, drawn) in salt.iter_mut().zip(bytes) {
            // What was given is not kept.
            *byte = std::mem::take(drawn);
        }
        self.used += SALT_BYTES;
        Ok(Salt(salt))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_salt_is_given_twice() {
        let mut salts = Salts::new();
        let given: HashSet<[u8; SALT_BYTES]> =
            (0..1_000).map(|_| salts.next().expect("randomness").0).collect();
        assert_eq!(given.len(), 1_000);
        assert!(!given.contains(&[0; SALT_BYTES]));
    }
}
