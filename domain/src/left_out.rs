//! What JSON leaves out because it says nothing, a snapshot must not: its format has no names.

use serde::Serialize;
use serde::ser::SerializeStruct;

/// Writes a struct's fields one by one.
pub(crate) struct Fields<S> {
    to: S,
    leaves_out: bool,
}

impl<S: SerializeStruct> Fields<S> {
    /// Of a serializer that is human-readable, or not.
    pub(crate) const fn new(to: S, leaves_out: bool) -> Self {
        Self { to, leaves_out }
    }

    /// A field that always says something.
    pub(crate) fn field(
        mut self,
        name: &'static str,
        value: &impl Serialize,
    ) -> Result<Self, S::Error> {
        self.to.serialize_field(name, value)?;
        Ok(self)
    }

    /// A field that JSON leaves out where `says_something` is false.
    pub(crate) fn field_if(
        mut self,
        says_something: bool,
        name: &'static str,
        value: &impl Serialize,
    ) -> Result<Self, S::Error> {
        if says_something || !self.leaves_out {
            self.to.serialize_field(name, value)?;
        } else {
            self.to.skip_field(name)?;
        }
        Ok(self)
    }

    pub(crate) fn end(self) -> Result<S::Ok, S::Error> {
        self.to.end()
    }
}
