//! `guerdon audit trial-balance`: what it prints is what a running ledger answers.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::ledger::Ledger;
use crate::ledger::tool::guerdon;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tool_adds_up_what_the_ledger_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    let early = ledger.client.earns("ben", 70, "B-2").await;
    ledger.client.redeems("ann", "x-1", "mug").await;
    for (at, available) in [(None, "270"), (Some(early.as_str()), "570")] {
        let query = at.map(|at| format!("?at={at}")).unwrap_or_default();
        let path = format!("/v1/trial-balance{query}");
        let answered = ledger.client.get("auditor", &path).await.is(200);
        assert_eq!(answered["units"][0]["available"], available);
        let mut args = vec!["--output", "json"];
        args.extend(at.iter().flat_map(|at| ["--at", at]));
        assert_eq!(parsed(&tool(folder.path(), &args)), answered, "beside the running ledger");
    }
    let totals = ledger.client.get_after(&early, "auditor", "/v1/totals").await.is(200);
    assert_eq!(totals["difference"], "0");
    assert_eq!(ledger.stop(), Some(0));

    let shown = text(&tool(folder.path(), &["--quiet"]).stdout);
    for line in [
        "points         in   out",
        "issued         570",
        "available           270",
        "redeemed            300",
        "sum            570  570",
        "expires in  points",
        "never       270",
    ] {
        assert!(shown.lines().any(|shown| shown.trim_end() == line), "{line:?} is not in\n{shown}");
    }
    let csv = text(&tool(folder.path(), &["--csv"]).stdout);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines[0], lines[1]), ("unit,side,name,points", "points,in,issued,570"));
    assert!(lines.contains(&"points,liability,never,270"), "{csv}");
}

#[test]
fn a_moment_that_isnt_there_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    for (args, said, code) in [
        (&["--at", "0:9999"][..], "--at 0:9999 is after the end of the log, which is at 0:", 1),
        (&["--at", "3:1"], "--at 3:1 is in a partition that the log doesn't have", 1),
        (&["--at", "noon"], "must be a position, such as 0:4711, or a time", 2),
        (&["--csv", "--output", "json"], "name one form", 1),
    ] {
        let ended = tool(folder.path(), args);
        assert_eq!(ended.status.code(), Some(code), "{ended:?}");
        assert!(text(&ended.stderr).contains(said), "{ended:?}");
    }
}

fn tool(folder: &Path, args: &[&str]) -> Output {
    guerdon(folder, &[&["audit", "trial-balance"], args].concat())
}

fn parsed(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| json!(text(&output.stdout)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
