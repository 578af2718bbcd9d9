//! JSON as a page shows it: in its own order, and in several lines where one would be long.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The longest line of an example, in characters.
const COLUMNS: usize = 100;

/// An object's members in their order.
struct Members(Vec<(String, Box<RawValue>)>);

/// The text of a document, laid out; any other text as it is.
pub(super) fn layout(text: &str) -> String {
    let Ok(value) = serde_json::from_str::<Box<RawValue>>(text) else { return text.to_owned() };
    let mut laid_out = String::new();
    lay(&value, 0, &mut laid_out);
    laid_out
}

fn lay(value: &RawValue, indent: usize, out: &mut String) {
    let text = value.get();
    if indent + text.chars().count() <= COLUMNS {
        out.push_str(text);
    } else if let Ok(Members(members)) = serde_json::from_str(text) {
        let names = members.iter().map(|(name, value)| (format!("\"{name}\": "), value));
        lines('{', names, '}', indent, out);
    } else if let Ok(items) = serde_json::from_str::<Vec<Box<RawValue>>>(text) {
        lines('[', items.iter().map(|item| (String::new(), item)), ']', indent, out);
    } else {
        out.push_str(text);
    }
}

fn lines<'a>(
    open: char,
    values: impl Iterator<Item = (String, &'a Box<RawValue>)>,
    close: char,
    indent: usize,
    out: &mut String,
) {
    out.push(open);
    for (index, (name, value)) in values.enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(indent + 2));
        out.push_str(&name);
        lay(value, indent + 2, out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push(close);
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = vec![];
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Reader)
    }
}
