//! Operators' mistakes: the files of two logs and two generations of each, mixed at random. Every
//! mix is refused by name, or serves exactly its own log's history, and no repeat ever gets another
//! answer.
//!
//! `GUERDON_MIXES` says how many, and `GUERDON_SEED` which.

mod museum;
mod postgres;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ledger::{Api, Ledger, audit, ends, serve};
use crate::topic::dice::Dice;
use museum::{Exhibit, PRICE, copy_folder, copy_log, events, tool};

/// How long a read may take to catch up.
const CATCHES_UP: Duration = Duration::from_secs(3);

/// From how many mixes on every outcome must have come.
const MANY: u32 = 200;

/// What a refusal names, at least one of them.
const NAMES: [&str; 7] = [
    "archive",
    "read-model",
    "the read model postgres://",
    "snapshot",
    "api-keys.json",
    "log.sqlite",
    "log-forked",
];

/// What happened to the archive on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mishap {
    None,
    /// A file has the bytes of one of another history.
    Swapped,
    Lost,
    Damaged,
    MarkerLost,
    /// The marker is another exhibit's.
    MarkerSwapped,
}

/// A folder that an operator has put together, and of what.
struct Mix<'a> {
    folder: PathBuf,
    log: &'a Exhibit,
    /// Whether the log is a copy that has all events in itself.
    is_copy: bool,
    /// Where each other part is from; nowhere, if it is missing.
    parts: Vec<(&'static str, Option<&'a str>)>,
    mishap: Mishap,
    /// Where the read model is, if it isn't in the folder, and its replica.
    variables: Vec<(&'static str, String)>,
}

impl Mix<'_> {
    fn is_pure(&self) -> bool {
        let of_the_log = |part: &Option<&str>| *part == Some(self.log.name);
        self.mishap == Mishap::None && self.parts.iter().all(|(_, from)| of_the_log(from))
    }

    /// Whether nothing but the log is there that says how far it had come: another log's snapshots
    /// say nothing of it.
    fn is_remembered_by_nothing(&self) -> bool {
        let says_nothing = |(part, from): &(&str, Option<&str>)| match *part {
            "read-model.sqlite" => from.is_none(),
            "snapshots" => from.is_none_or(|from| !self.log.is_of_the_same_log(from)),
            _ => true,
        };
        self.parts.iter().all(says_nothing)
    }

    /// Whether nothing is wrong: each part is the log's own, of an earlier time of its history, or
    /// missing where the log does without it.
    fn must_serve(&self) -> bool {
        // The server makes a marker that is missing.
        let is_whole = [Mishap::None, Mishap::MarkerLost].contains(&self.mishap);
        is_whole
            && self.parts.iter().all(|(part, from)| match (*part, *from) {
                (_, Some(from)) if from == self.log.name => true,
                ("read-model.sqlite" | "snapshots" | "log.sqlite.lock", from) => {
                    from.is_none_or(|from| self.log.comes_after(from))
                }
                ("archive", None) => self.is_copy,
                _ => false,
            })
    }

    fn told(&self) -> String {
        let Self { log, is_copy, parts, mishap, .. } = self;
        format!("{} (copy: {is_copy}), {parts:?}, archive: {mishap:?}", log.name)
    }

    /// A tool that an operator runs with the settings of the server.
    fn tool(&self, args: &[&str]) -> Output {
        let mut command = tool(&self.folder, args);
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        ends(command)
    }
}

/// What came of the mixes.
#[derive(Debug, Default)]
struct Told {
    served: u32,
    refused: u32,
    forked: u32,
    repeats: u32,
    unread: u32,
    rebuilt: u32,
    copied: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mix_of_histories_is_refused_by_name_or_serves_its_own() {
    let within = tempfile::tempdir().expect("a folder");
    let exhibits = museum::build(within.path()).await;
    let mut dice = Dice::new("operators' mistakes");
    let mut told = Told::default();
    let begun = Instant::now();
    for number in 0..mixes() {
        let folder = within.path().join(format!("mix-{number}"));
        let mix = mixed(&exhibits, &folder, number % 5 == 0, &mut dice);
        println!("mix {number}: {}", mix.told());
        tools_keep_to_the_log(&mix, &exhibits, &mut told).await;
        serves_its_own_history(&mix, &exhibits, number, &mut told).await;
        fs::remove_dir_all(&mix.folder).expect("removed");
    }
    println!("{} mixes in {:.0?}: {told:?}", mixes(), begun.elapsed());
    // Mixes that are all refused, or all believed, would show nothing.
    assert!(told.served > 0 && told.repeats > 0 && told.rebuilt > 0 && told.copied > 0, "{told:?}");
    assert!(mixes() < MANY || (told.refused > 0 && told.forked > 0), "{told:?}");
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn mixes() -> u32 {
    std::env::var("GUERDON_MIXES").ok().and_then(|mixes| mixes.parse().ok()).unwrap_or(10)
}

/// Puts a folder together. Every fifth is of one exhibit alone, and must serve.
fn mixed<'a>(exhibits: &'a [Exhibit], folder: &Path, is_pure: bool, dice: &mut Dice) -> Mix<'a> {
    fs::create_dir_all(folder).expect("made");
    let any = |dice: &mut Dice| &exhibits[pick(dice, exhibits.len())];
    let (log, is_copy) = (any(dice), dice.below(4) == 0);
    let file = if is_copy { log.copy.clone() } else { log.folder.join("log.sqlite") };
    fs::copy(file, folder.join("log.sqlite")).expect("copied");
    let mut parts = vec![];
    for part in ["log.sqlite.lock", "archive", "read-model.sqlite", "snapshots", "api-keys.json"] {
        let from = match dice.below(8) {
            _ if is_pure => Some(log),
            0 => None,
            1 | 2 => Some(any(dice)),
            // Of the same log more often than not: what looks right is what is mistaken.
            3 | 4 => exhibits.iter().filter(|other| other.log == log.log).nth(pick(dice, 3)),
            _ => Some(log),
        };
        if let Some(from) = from {
            let (from, to) = (from.folder.join(part), folder.join(part));
            if from.is_dir() { copy_folder(&from, &to) } else { drop(fs::copy(from, to)) }
        }
        parts.push((part, from.map(|from| from.name)));
    }
    let mut mishap = Mishap::None;
    if !is_pure && dice.below(3) == 0 {
        mishap = [
            Mishap::Swapped,
            Mishap::Lost,
            Mishap::Damaged,
            Mishap::MarkerLost,
            Mishap::MarkerSwapped,
        ][pick(dice, 5)];
        happens(mishap, &folder.join("archive"), any(dice), dice);
    }
    Mix { folder: folder.into(), log, is_copy, parts, mishap, variables: vec![] }
}

fn happens(mishap: Mishap, archive: &Path, other: &Exhibit, dice: &mut Dice) {
    let marker = archive.join("archive.json");
    let files = archived(archive);
    if files.is_empty() {
        return;
    }
    let file = &files[pick(dice, files.len())];
    match mishap {
        Mishap::None => {}
        Mishap::Swapped => {
            let others = archived(&other.folder.join("archive"));
            // One of the same range, if there is one.
            let range = |file: &Path| name(file).split("-g").next().map(ToOwned::to_owned);
            let same = others
                .iter()
                .find(|other| range(other) == range(file) && name(other) != name(file));
            let from = same.unwrap_or(&others[pick(dice, others.len())]);
            fs::copy(from, file).expect("swapped");
        }
        Mishap::Lost => fs::remove_file(file).expect("lost"),
        Mishap::Damaged => {
            let mut bytes = fs::read(file).expect("read");
            let at = pick(dice, bytes.len());
            bytes[at] ^= 1;
            fs::write(file, bytes).expect("written");
        }
        Mishap::MarkerLost => drop(fs::remove_file(marker)),
        Mishap::MarkerSwapped => {
            drop(fs::copy(other.folder.join("archive/archive.json"), marker));
        }
    }
}

/// A rebuild, a copy and a check give the log's own history, or name what is wrong.
async fn tools_keep_to_the_log(mix: &Mix<'_>, exhibits: &[Exhibit], told: &mut Told) {
    let store = format!("sqlite:{}", mix.folder.join("log.sqlite").display());
    let made = mix.folder.join("made.sqlite");
    let read_model = format!("sqlite:{}", made.display());
    let rebuilt = mix.tool(&["rebuild", "--read-model", &read_model]);
    if is_done(&rebuilt, mix) {
        told.rebuilt += 1;
        assert!(audit::dump(&made).await == mix.log.rows, "other rows than the log's own");
    }
    let copy = mix.folder.join("copied.sqlite");
    let copied = copy_log(&mix.folder, &copy);
    if is_done(&copied, mix) {
        told.copied += 1;
        let copy = format!("sqlite:{}", copy.display());
        let events = events(&copy, None).await.expect("intact and dense");
        assert!(events == mix.log.events, "other events than the log's own");
    }
    let checked = mix.tool(&["check", "--archives"]);
    let is_whole = is_done(&checked, mix);
    let read = events(&store, Some(&mix.folder.join("archive"))).await;
    if is_whole {
        assert!(read.is_ok(), "it was checked, and can't be read: {read:?}");
    }
    if let Ok(read) = read {
        let own = read == mix.log.events;
        let whose = exhibits.iter().find(|other| other.events == read).map(|other| other.name);
        assert!(own, "events of another history were read: {whose:?}");
    }
}

/// Serves, and answers each repeat as it was answered; or is refused, and has used no position.
async fn serves_its_own_history(mix: &Mix<'_>, exhibits: &[Exhibit], number: u32, told: &mut Told) {
    let before = head(mix).await;
    let mut is_forked = false;
    let mut options = vec![];
    if let Some(said) = refused(mix, &options)
        && said.contains("--this-is-the-history")
    {
        assert!(mix.is_remembered_by_nothing(), "something could be compared: {said}");
        options.push("--this-is-the-history");
    }
    if let Some(said) = refused(mix, &options) {
        told.refused += 1;
        assert!(!mix.must_serve(), "nothing was wrong: {said}");
        assert_eq!(head(mix).await, before, "a start that is refused uses no position");
        if !said.contains("log-forked") {
            return;
        }
        // The operator believes this log to be the right one, and says so.
        let declared = mix.tool(&["fork-log", "--reason", "what is left"]);
        if !is_done(&declared, mix) || !is_done(&mix.tool(&["rebuild"]), mix) {
            return;
        }
        is_forked = true;
        if let Some(said) = refused(mix, &[]) {
            assert!(!said.contains("log-forked"), "it was declared: {said}");
            return;
        }
        told.forked += 1;
    }
    let variables: Vec<_> =
        mix.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ledger = Ledger::start_with(&mix.folder, &options, &variables);
    told.served += 1;
    let is_whole = mix.must_serve();
    for (exchange, answer) in &mix.log.exchanges {
        let repeat = ledger.client.redeems("ann", exchange, "mug").await;
        match repeat.status {
            200 => assert_eq!(repeat.body, *answer, "{exchange}"),
            503 if !is_whole => {
                repeat.is_problem(503, "outcome-unknown");
                told.unread += 1;
            }
            _ => panic!("{exchange} was redeemed before: {repeat:?}"),
        }
        told.repeats += 1;
    }
    let mut spent = 0;
    let mut last = None;
    let others = exhibits.iter().flat_map(|other| &other.exchanges).map(|(id, _)| id.as_str());
    let mut others: Vec<&str> = others.filter(|id| !mix.log.has(id)).collect();
    others.dedup();
    let new = format!("new-{number}");
    for exchange in others.into_iter().take(3).chain([new.as_str()]) {
        let redeemed = ledger.client.redeems("ann", exchange, "mug").await;
        redeemed.is(201);
        spent += PRICE;
        last = redeemed.position;
    }
    let expected = mix.log.balance() - spent;
    match balance(&ledger.client, &last.expect("it redeemed")).await {
        Some(balance) => assert_eq!(balance, expected, "forked: {is_forked}"),
        None => assert!(!is_whole, "the read model is behind"),
    }
    assert_eq!(ledger.stop(), Some(0));
    nothing_is_overwritten(mix);
}

/// What the archive holds is left as it is by another archive run.
fn nothing_is_overwritten(mix: &Mix<'_>) {
    let archive = mix.folder.join("archive");
    let before: Vec<_> =
        archived(&archive).into_iter().map(|file| (fs::read(&file), file)).collect();
    is_done(&mix.tool(&["archive", "--older-than", "0d"]), mix);
    for (bytes, file) in before {
        assert!(fs::read(&file).ok() == bytes.ok(), "{} was changed", file.display());
    }
}

/// The balance, once the read model has seen the position, if it comes so far.
async fn balance(api: &Api, position: &str) -> Option<u64> {
    let begun = Instant::now();
    while begun.elapsed() < CATCHES_UP {
        let request = api.request("GET", "/v1/accounts/ann", "auditor");
        let answer =
            api.send(request.header("guerdon-position", position)).await.expect("answered");
        match answer.status {
            200 => return answer.body["available"].as_u64(),
            503 => {}
            _ => panic!("{answer:?}"),
        }
    }
    None
}

/// What a start says that is refused; it ends by itself.
fn refused(mix: &Mix<'_>, options: &[&str]) -> Option<String> {
    let mut command = serve(&mix.folder);
    command.args(["--snapshot-every", "0"]).args(options);
    command.envs(mix.variables.iter().map(|(name, value)| (*name, value)));
    let mut child = command
        .env("RUST_LOG", "error")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("read");
    if line.starts_with("guerdon listens on") {
        child.kill().expect("killed");
        child.wait().expect("gone");
        return None;
    }
    let output = child.wait_with_output().expect("it ends");
    Some(names_what_is_wrong(&output, mix))
}

/// Whether a tool did what it was asked for; where it didn't, it names what is wrong.
fn is_done(output: &Output, mix: &Mix<'_>) -> bool {
    if !output.status.success() {
        names_what_is_wrong(output, mix);
        assert!(!mix.is_pure(), "nothing was wrong: {output:?}");
    }
    output.status.success()
}

fn names_what_is_wrong(output: &Output, mix: &Mix<'_>) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let sentences = said.lines().filter(|line| line.starts_with("guerdon: ")).count();
    // 3 is what `check` answers that has read all and found something wrong.
    let is_told = matches!(output.status.code(), Some(1 | 3)) && sentences == 1;
    assert!(is_told, "{}: {output:?} {said}", mix.told());
    assert!(NAMES.iter().any(|name| said.contains(name)), "it names nothing: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

async fn head(mix: &Mix<'_>) -> Option<Value> {
    let log = rusqlite::Connection::open(mix.folder.join("log.sqlite")).ok()?;
    let head = "select position from partition_head";
    log.query_row(head, (), |row| row.get::<_, i64>(0)).ok().map(Value::from)
}

fn archived(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|end| end == "gz")).collect();
    files.sort();
    files
}

fn name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn pick(dice: &mut Dice, of: usize) -> usize {
    usize::try_from(dice.below(of as u64)).expect("it fits")
}
