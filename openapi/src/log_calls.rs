//! The calls below `/log/`, the transparency log, most of which need no key.

use serde_json::json;

use crate::json::Json;
use crate::open_calls::{answer, open, refused};
use crate::problem::Problem;

/// Their paths, and what each answers.
pub(crate) fn log_calls(problems: &[Problem]) -> anyhow::Result<Vec<(String, Json)>> {
    let ok = |kind: &str, schema| vec![("200", answer("What was asked for.", kind, schema))];
    let text = || Json::from(json!({"type": "string"}));
    let below_log = |kind: &str, schema: Json| {
        let mut answers = ok(kind, schema);
        answers.push(("400", refused(problems, "invalid-id")?));
        answers.push(("404", refused(problems, "not-found")?));
        anyhow::Ok(answers)
    };
    let number = || Json::from(json!({"type": "integer", "minimum": 0, "maximum": 65_535}));
    let partition = || in_path("partition", "the log's partition, from 0", number(), "0");
    let handover = in_path("number", "the number of the handover, from 1", number(), "1");
    let meaning = "the rest of the tile's path, as C2SP's tlog-tiles writes it; entries/… is for \
                   auditors and operators";
    let tile = in_path("tile", meaning, text().with("minLength", 1_u64), "0/000.p/1");
    let bytes = Json::from(json!({"type": "string", "format": "binary"}));
    let mut tiles = below_log("application/octet-stream", bytes)?;
    tiles.insert(2, ("401", refused(problems, "unauthorized")?));
    tiles.insert(3, ("403", refused(problems, "forbidden")?));
    Ok(vec![
        open(
            "/log/keys",
            "getLogKeys",
            "The keys that verify the transparency log, and the sizes that each signs.",
            vec![],
            ok("application/json", json!({"type": "object", "additionalProperties": true}).into()),
        ),
        open(
            "/log/{partition}/checkpoint",
            "getLogCheckpoint",
            "The newest checkpoint of the transparency log, as a signed note.",
            vec![partition()],
            below_log("text/plain", text())?,
        ),
        open(
            "/log/{partition}/cosigned",
            "getLogCosignedCheckpoint",
            "The newest checkpoint that enough witnesses signed, too, as a signed note.",
            vec![partition()],
            below_log("text/plain", text())?,
        ),
        open(
            "/log/{partition}/handover/{number}",
            "getLogHandover",
            "The last checkpoint of a key, which names the next key, as a signed note.",
            vec![partition(), handover],
            below_log("text/plain", text())?,
        ),
        open(
            "/log/{partition}/tile/{tile}",
            "getLogTile",
            "256 hashes of the transparency log's tree, or fewer at its edge; or so many entries.",
            vec![partition(), tile],
            tiles,
        ),
    ])
}

/// A parameter of the path.
fn in_path(name: &str, description: &str, schema: Json, example: &str) -> Json {
    Json::object()
        .with("name", name)
        .with("in", "path")
        .with("required", true)
        .with("description", description)
        .with("schema", schema)
        .with("example", example)
}
