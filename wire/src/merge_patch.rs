//! JSON merge patches (RFC 7396): a body that names what is to change, and nothing else.

use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Problem;
use crate::json_body::read_json;
use crate::unique::Unique;

/// The one member that is the caller's own JSON: in it, `null` takes a member away.
const ATTRIBUTES: &str = "attributes";

/// A merge patch. It is merged onto the body that would set what there is now, and the result is
/// read like a body that was sent.
#[derive(Clone, Debug)]
pub struct MergePatch(Map<String, Value>);

impl MergePatch {
    /// Whether it gives a field of the body a value.
    #[must_use]
    pub fn gives(&self, field: &str) -> bool {
        self.0.get(field).is_some_and(|value| !value.is_null())
    }

    /// The body that comes of it. `present` is the answer that shows the thing as it is; those of
    /// its members that no request has are `answer_only`.
    ///
    /// `null` stays in the result, where it means the same as leaving the field out. So a field
    /// that doesn't exist is refused by its name even where it is `null`.
    pub fn onto<T: DeserializeOwned>(
        &self,
        present: &impl Serialize,
        answer_only: &[&str],
    ) -> Result<T, Problem> {
        let present = serde_json::to_value(present).map_err(|_| Problem::internal())?;
        let Value::Object(mut body) = present else { return Err(Problem::internal()) };
        body.retain(|name, _| !answer_only.contains(&name.as_str()));
        merge(&mut body, &self.0);
        let text = serde_json::to_vec(&body).map_err(|_| Problem::internal())?;
        read_json(&text)
    }
}

fn merge(body: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, change) in patch {
        match (body.get_mut(name), change) {
            (found, Value::Object(_)) if name == ATTRIBUTES => {
                let mut attributes = found.map_or(Value::Null, Value::take);
                merge_freely(&mut attributes, change);
                body.insert(name.clone(), attributes);
            }
            (Some(Value::Object(within)), Value::Object(change)) => merge(within, change),
            _ => {
                body.insert(name.clone(), change.clone());
            }
        }
    }
}

/// RFC 7396, 2, to the letter.
fn merge_freely(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, change) in patch {
        if change.is_null() {
            target.remove(name);
        } else {
            merge_freely(target.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

impl<'de> Deserialize<'de> for MergePatch {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Unique(Value::Object(members)) = Unique::deserialize(from)? else {
            return Err(D::Error::custom("must be a JSON object"));
        };
        Ok(Self(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attributes(target: Value, patch: &Value) -> Value {
        let mut target = json!({ ATTRIBUTES: target });
        let patch: MergePatch = serde_json::from_value(json!({ ATTRIBUTES: patch })).unwrap();
        merge(target.as_object_mut().unwrap(), &patch.0);
        target[ATTRIBUTES].take()
    }

    /// The examples of RFC 7396, appendix A, whose patch is an object.
    #[test]
    fn attributes_are_merged_as_rfc_7396_says() {
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            assert_eq!(attributes(target, &patch), result, "{patch}");
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Mug {
        price: u64,
        limit: Option<u64>,
        handle: Option<Handle>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Handle {
        side: Option<String>,
        colour: Option<String>,
    }

    fn patched(patch: &str) -> Result<Mug, Problem> {
        let present = json!({"price":3,"limit":2,"handle":{"side":"left"},"version":7});
        read_json::<MergePatch>(patch.as_bytes())?.onto(&present, &["version"])
    }

    #[test]
    fn what_a_patch_does_not_name_stays() {
        let mug = patched(r#"{"price":4,"handle":{"colour":"red"}}"#).expect("a mug");
        assert_eq!((mug.price, mug.limit), (4, Some(2)));
        let handle = mug.handle.expect("a handle");
        assert_eq!((handle.side.as_deref(), handle.colour.as_deref()), (Some("left"), Some("red")));
        let mug = patched(r#"{"limit":null,"handle":null}"#).expect("a mug");
        assert_eq!((mug.price, mug.limit), (3, None));
        assert!(mug.handle.is_none());
    }

    #[test]
    fn a_field_that_does_not_exist_is_named_even_where_it_is_null() {
        for (patch, field) in [
            (r#"{"colour":null}"#, "colour"),
            (r#"{"version":8}"#, "version"),
            (r#"{"handle":{"size":null}}"#, "handle.size"),
            (r#"{"price":null}"#, "price"),
            (r#"{"price":4,"price":5}"#, "price"),
            (r#"{"handle":{"side":"left","side":"right"}}"#, "handle.side"),
        ] {
            let problem = patched(patch).expect_err(patch);
            let document = serde_json::to_value(problem).expect("JSON");
            assert_eq!(document["field"], field, "{patch}");
        }
    }
}
