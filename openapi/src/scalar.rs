//! The types that are one text or one number in JSON: what they take, in JSON Schema's words.

use domain::{AMOUNT_MAX, DECIMALS_MAX};
use serde_json::{Value, json};

use crate::json::Json;

// The domain's own limits; a test asks its types for them.
const ID_CHARACTERS_MAX: usize = 64;
const UNIT_ID_CHARACTERS_MAX: usize = 16;
const ACCOUNT_ID_CHARACTERS_MAX: usize = 128;
const DELIVER_TO_BYTES_MAX: usize = 2_048;
const NOTE_BYTES_MAX: usize = 512;
const CODE_BYTES_MAX: usize = 256;
const LABEL_BYTES_MAX: usize = 128;
const TRACKING_URL_BYTES_MAX: usize = 2_048;
const OFFER_NAME_BYTES_MAX: usize = 256;
const DESCRIPTION_BYTES_MAX: usize = 4_096;
const ATTRIBUTES_BYTES_MAX: usize = 4_096;

/// Letters, digits and `-_.:`, and not only dots.
const ID: &str = "^\\.*[A-Za-z0-9_:-][A-Za-z0-9_.:-]*$";

/// A unit's.
const UNIT_ID: &str = "^[a-z0-9-]+$";

/// The same, or the ledger's own id of a rejection.
const RECORDED_ID: &str = "^(~rejected|\\.*[A-Za-z0-9_:-][A-Za-z0-9_.:-]*)$";

/// An id, or the ledger's own by which an account that was merged passes credit on.
const TRANSFER_ID: &str = "^(~merger-[0-9]+|\\.*[A-Za-z0-9_:-][A-Za-z0-9_.:-]*)$";

/// `0:4711`.
const POSITION: &str = "^[0-9]{1,5}:[0-9]{1,15}$";

const URL: &str = "^https?://[A-Za-z0-9][!-~]*$";

/// A decimal number, which may be below 0.
const SUM: &str = "^-?[0-9]+$";

/// The name under which the document has a type's schema, and the schema.
type Scalar = (&'static str, Value);

/// The schema of a type that is a scalar; `is_asked` where the type is in a request.
pub(crate) fn scalar(name: &str, is_asked: bool) -> Option<Scalar> {
    let found = match name {
        "AccountId" => ("AccountId", id(ACCOUNT_ID_CHARACTERS_MAX, ID, "An account's id.")),
        "MarkedId" => {
            ("MarkedId", id(ACCOUNT_ID_CHARACTERS_MAX, ID, "The id of an account or of a request."))
        }
        "OfferId" | "ExchangeId" | "CauseId" | "AdditionId" | "RemovalId" | "UploadId"
        | "ReopeningId" | "ResumptionId" | "ProductId" | "WarehouseId" | "HoldId" | "WaitId"
        | "ExtensionId" | "RefundId" | "PurchaseId" | "ReturnId" | "WithdrawalId"
        | "ConversionId" | "RuleId" | "Category" | "Reference" | "DispatchId" | "GrantId"
        | "ErasureId" | "SealId" => ("Id", id(ID_CHARACTERS_MAX, ID, "An id; not only dots.")),
        "UnitId" => {
            ("UnitId", id(UNIT_ID_CHARACTERS_MAX, UNIT_ID, "A unit's id: a kind of points."))
        }
        "LadderId" => ("LadderId", id(UNIT_ID_CHARACTERS_MAX, UNIT_ID, "A ladder's id.")),
        "SegmentId" => {
            ("SegmentId", id(UNIT_ID_CHARACTERS_MAX, UNIT_ID, "A segment: a label of accounts."))
        }
        "TierId" => ("TierId", id(UNIT_ID_CHARACTERS_MAX, UNIT_ID, "A tier's id, of a ladder.")),
        "WindowBody" => ("LadderWindow", ladder_window()),
        // Under ids of the ledger's own a warehouse's rejection cancels, and an account that was
        // merged passes credit on.
        "CancellationId" | "TransferId" if is_asked => {
            ("Id", id(ID_CHARACTERS_MAX, ID, "An id; not only dots."))
        }
        "TransferId" => (
            "TransferId",
            id(ID_CHARACTERS_MAX, TRANSFER_ID, "An id, or `~merger-` with a number: a merger's."),
        ),
        "CancellationId" | "RecordedId" => (
            "RecordedId",
            id(ID_CHARACTERS_MAX, RECORDED_ID, "An id, or `~rejected`: that of a rejection."),
        ),
        "Points" if is_asked => ("Points", whole(1, "Points.")),
        "Units" if is_asked => ("Units", whole(1, "A number of units.")),
        "Points" | "PointsFrom0" => ("PointsFrom0", whole(0, "Points; there may be none.")),
        "Units" => ("UnitsFrom0", whole(0, "A number of units; there may be none.")),
        "Timestamp" => (
            "Time",
            json!({"type": "string", "format": "date-time",
                "description": "RFC 3339, in the years 1970 to 9999; answers are in UTC."}),
        ),
        "ZonedTime" => (
            "ZonedTime",
            json!({"type": "string", "minLength": 19, "description":
                "RFC 3339, or without an offset, as clocks in the rule's time zone show it: \
                 `2026-11-21T09:30:00`."}),
        ),
        "Day" => (
            "Day",
            json!({"type": "string", "format": "date", "description": "A date.",
                "examples": ["2026-11-21"]}),
        ),
        "TimeZone" => (
            "TimeZone",
            json!({"type": "string", "description": "The IANA name of a time zone.",
                "examples": ["Europe/Berlin"]}),
        ),
        "Place" | "LotId" | "PackedPlace" => (
            "Position",
            json!({"type": "string", "pattern": POSITION, "description":
                "The place of an event in the log: `partition:position`.",
                "examples": ["0:4711"]}),
        ),
        "Moment" => (
            "Moment",
            json!({"type": "string", "description":
                "A moment of the log: the place of an event, or a time in RFC 3339. What was \
                 recorded then is part of it.",
                "examples": ["0:4711", "2026-11-30T08:00:00Z"]}),
        ),
        "Actor" | "Reason" => ("Note", text(NOTE_BYTES_MAX, "A text; private.")),
        "Carrier" | "ExpressNo" | "UnitName" => (
            "Label",
            text(
                LABEL_BYTES_MAX,
                "A text without control characters, and without space at its \
                ends.",
            ),
        ),
        "OfferName" => (
            "OfferName",
            text(
                OFFER_NAME_BYTES_MAX,
                "A text without control characters, and without space at \
                its ends.",
            ),
        ),
        "Code" => (
            "Code",
            text(
                CODE_BYTES_MAX,
                "A code, which whoever has it can use: a text without control characters, and \
                without space at its ends.",
            ),
        ),
        "Description" => (
            "Description",
            text(
                DESCRIPTION_BYTES_MAX,
                "A text without control characters other than tabs and \
                line ends.",
            ),
        ),
        "DeliverTo" => (
            "DeliverTo",
            text(
                DELIVER_TO_BYTES_MAX,
                "An address, or a reference to one: private. It has a \
                letter or a digit.",
            ),
        ),
        "TrackingUrl" | "ImageUrl" => (
            "Url",
            json!({"type": "string", "maxLength": TRACKING_URL_BYTES_MAX, "pattern": URL,
                "description": "Printable ASCII characters, without spaces."}),
        ),
        "AttributesBody" => (
            "Attributes",
            json!({"type": "object", "additionalProperties": true, "description": format!(
                "Any members: at most {ATTRIBUTES_BYTES_MAX} bytes without spaces.")}),
        ),
        "Decimals" => (
            "Decimals",
            json!({"type": "integer", "format": "int32", "minimum": 0, "maximum": DECIMALS_MAX,
                "description": "With how many decimals pages show an amount."}),
        ),
        "Sum" => (
            "Sum",
            json!({"type": "string", "pattern": SUM, "description":
                "A whole number in decimal digits. It may be larger than the 2^53−1 up to which \
                 every JSON reader is exact."}),
        ),
        "RefusalCode" => {
            let codes: Vec<&str> = domain::Refusal::ROWS.iter().map(|row| row.code).collect();
            (
                "RefusalCode",
                json!({"type": "string", "enum": codes,
                "description": "The code of a refusal."}),
            )
        }
        "Uuid" => return Some(("", json!({"type": "string", "format": "uuid"}))),
        // What can't be a shipping request's id is one that doesn't exist.
        "String" | "str" | "RequestId" => return Some(("", json!({"type": "string"}))),
        // The public fields of an event of any type.
        "Map" => return Some(("", json!({"type": "object", "additionalProperties": true}))),
        "bool" => return Some(("", json!({"type": "boolean"}))),
        "u8" | "u16" | "u32" | "i32" => {
            let minimum = (!name.starts_with('i')).then_some(0);
            return Some(("", number("int32", minimum)));
        }
        "u64" | "i64" => {
            let minimum = (!name.starts_with('i')).then_some(0);
            return Some(("", number("int64", minimum)));
        }
        _ => return None,
    };
    Some(found)
}

/// A scalar that a field's doc lists: `valid`, `expired` or `revoked`.
pub(crate) fn listed(doc: &str) -> Option<Json> {
    let (list, _) = doc.strip_prefix("Always ").unwrap_or(doc).split_once(['.', ';', '('])?;
    let pieces: Vec<&str> = list.trim().split('`').collect();
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let mut words = vec![];
    for (index, piece) in pieces.iter().enumerate() {
        let is_quoted = index % 2 == 1;
        match *piece {
            word if is_quoted && is_word(word) => words.push(word),
            "" | ", " | " or " | ", or " | " and " if !is_quoted => {}
            _ => return None,
        }
    }
    if words.is_empty() || pieces.len() < 3 {
        return None;
    }
    Some(Json::object().with("type", "string").with("enum", Json::texts(words)))
}

/// The limits that a doc names: `1 to 1,000 earnings`.
pub(crate) fn range(doc: &str) -> Option<(u64, u64)> {
    let number = |text: &str| -> Option<u64> {
        let digits: String = text.chars().filter(|c| *c != ',').collect();
        digits.parse().ok()
    };
    let words: Vec<&str> = doc.split(' ').collect();
    words.windows(3).find_map(|three| {
        let [from, "to", to] = three else { return None };
        let to = to.trim_end_matches(['.', ':', ';', ',']);
        number(from).zip(number(to))
    })
}

/// What a ladder counts: a text, or an object with one of two members.
fn ladder_window() -> Value {
    let one = |name: &str, schema: Value| {
        json!({"type": "object", "properties": {name: schema}, "required": [name],
            "additionalProperties": false})
    };
    let year = json!({"type": "string", "pattern": "^[0-9]{2}-[0-9]{2}$", "description":
        "Points of a year from this month and day on; not 02-29."});
    let months = json!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 36,
        "description": "Points of the present calendar month and of so many before it."});
    json!({"description": "What a ladder counts.", "anyOf": [
        one("year_from", year), one("months", months),
        {"type": "string", "enum": ["ever"], "description": "All of it."}]})
}

fn id(longest: usize, pattern: &str, description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern,
        "description": description})
}

fn whole(minimum: u64, description: &str) -> Value {
    json!({"type": "integer", "format": "int64", "minimum": minimum, "maximum": AMOUNT_MAX,
        "description": description})
}

fn number(format: &str, minimum: Option<u64>) -> Value {
    match minimum {
        Some(minimum) => json!({"type": "integer", "format": format, "minimum": minimum}),
        None => json!({"type": "integer", "format": format}),
    }
}

fn text(longest: usize, description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": longest, "description":
        format!("{description} The limit is in bytes of UTF-8.")})
}
