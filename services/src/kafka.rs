//! A real Apache Kafka of one's own: one process that is broker and controller, or three that make
//! a cluster. [`crate::shared_kafka`] is the broker that tests share.

mod cluster;
mod jars;
mod shared_broker;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use uuid::Uuid;

use crate::postgres::Stop;

pub use cluster::KafkaCluster;
pub use shared_broker::shared_kafka;
pub(crate) use shared_broker::stop_shared;

/// How long a broker may take to start on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the broker writes when it takes requests.
const STARTED: &str = "Kafka Server started";

/// One broker takes what three would share; memory is for tests, not for a shop.
const SETTINGS: [(&str, &str); 15] = [
    ("process.roles", "broker,controller"),
    ("controller.listener.names", "CONTROLLER"),
    ("inter.broker.listener.name", "PLAINTEXT"),
    ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
    ("auto.create.topics.enable", "false"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("log.cleaner.dedupe.buffer.size", "4194304"),
    ("offsets.topic.num.partitions", "1"),
    ("offsets.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    // Who was killed may come back under its number only when its session has ended.
    ("broker.session.timeout.ms", "3000"),
    ("broker.heartbeat.interval.ms", "500"),
];

/// A broker. It is killed when this is dropped, and when the process that started it ends.
#[derive(Debug)]
pub struct Kafka {
    folder: PathBuf,
    port: u16,
    preload: Option<PathBuf>,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    broker: Child,
    /// Kills the broker when its standard input ends, and so when this process has ended.
    guard: Option<Child>,
}

/// A broker's number and ports, known before any of a cluster starts.
#[derive(Clone, Copy, Debug)]
struct Node {
    id: usize,
    port: u16,
    controller_port: u16,
}

impl Kafka {
    /// Formats `folder` and starts a broker there, with further settings as in
    /// `message.max.bytes=1000`. Topics are not made by themselves.
    pub fn start(folder: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        Self::start_alone(folder, settings, None)
    }

    /// The same on a disk that is full between [`Self::fill_disk`] and [`Self::empty_disk`]. The
    /// broker ends by itself when it can't write.
    pub fn start_on_small_disk(folder: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let library = folder.join("full_disk.so");
        compile(include_str!("kafka/full_disk.c"), &library)?;
        Self::start_alone(folder, settings, Some(library))
    }

    fn start_alone(
        folder: &Path,
        settings: &[&str],
        preload: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let node = Node::on_free_ports(1)?;
        let mut broker = Self::format(folder, node, &[node], Uuid::now_v7(), settings)?;
        broker.preload = preload;
        broker.restart()?;
        Ok(broker)
    }

    fn format(
        folder: &Path,
        node: Node,
        quorum: &[Node],
        cluster: Uuid,
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let properties = folder.join("server.properties");
        fs::write(&properties, node.properties(folder, quorum, settings)?)?;
        let formatted = java(64)?
            .args(["kafka.tools.StorageTool", "format", "--cluster-id"])
            .arg(cluster.simple().to_string())
            .arg("--config")
            .arg(&properties)
            .output()
            .context("java can't be run")?;
        if !formatted.status.success() {
            bail!("Kafka can't format its folder: {}", String::from_utf8_lossy(&formatted.stderr));
        }
        Ok(Self { folder: folder.into(), port: node.port, preload: None, process: None })
    }

    /// Starts it again after it was stopped or ended, on the same port and data.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.launch()?;
        self.wait_until_started()
    }

    fn launch(&mut self) -> anyhow::Result<()> {
        crate::may_start("Kafka")?;
        self.stop(Stop::Kill)?;
        let log = File::create(self.log())?;
        let mut command = java(256)?;
        command.arg("kafka.Kafka").arg(self.folder.join("server.properties"));
        if let Some(library) = &self.preload {
            command.env("LD_PRELOAD", library).env("DISK_IS_FULL", self.full_disk_flag());
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A Ctrl-C for the tests is not one for the shared broker.
        let broker = command.process_group(0).spawn().context("java can't be run")?;
        let guard = Command::new("sh")
            .args(["-c", "read _; kill -KILL \"$0\"", &broker.id().to_string()])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn();
        let process = self.process.insert(Process { broker, guard: None });
        process.guard = Some(guard.context("sh can't be run")?);
        Ok(())
    }

    fn wait_until_started(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while !fs::read_to_string(self.log())?.contains(STARTED) {
            if !self.is_running() || started.elapsed() > PATIENCE {
                bail!("Kafka did not start; see {}", self.log().display());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Stops it: in order, or as if the power had gone from it, though not from the machine.
    pub fn stop(&mut self, how: Stop) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        if how == Stop::Fast {
            let pid = process.broker.id().to_string();
            Command::new("kill").args(["-TERM", &pid]).status()?;
            let started = Instant::now();
            while started.elapsed() < PATIENCE && process.broker.try_wait()?.is_none() {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        process.end();
        Ok(())
    }

    /// Whether its process is there: a broker that can't write ends by itself.
    pub fn is_running(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_some_and(|process| matches!(process.broker.try_wait(), Ok(None)))
    }

    /// From now on its disk is full.
    pub fn fill_disk(&self) -> anyhow::Result<()> {
        if self.preload.is_none() {
            bail!("this broker wasn't started on a small disk");
        }
        Ok(fs::write(self.full_disk_flag(), "")?)
    }

    /// From now on there is space again.
    pub fn empty_disk(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.full_disk_flag())?)
    }

    fn full_disk_flag(&self) -> PathBuf {
        self.folder.join("disk-is-full")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Its address, as in `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|process| process.broker.id())
    }

    /// Leaves it running when this process ends.
    fn leave(mut self) {
        if let Some(mut process) = self.process.take() {
            process.end_guard();
        }
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        drop(self.stop(Stop::Kill));
    }
}

impl Process {
    fn end(mut self) {
        // Before the broker's number can become another's.
        self.end_guard();
        drop(self.broker.kill());
        drop(self.broker.wait());
    }

    fn end_guard(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.kill());
            drop(guard.wait());
        }
    }
}

impl Node {
    fn on_free_ports(id: usize) -> anyhow::Result<Self> {
        Ok(Self { id, port: free_port()?, controller_port: free_port()? })
    }

    fn properties(
        self,
        folder: &Path,
        quorum: &[Self],
        settings: &[&str],
    ) -> anyhow::Result<String> {
        let mut properties: BTreeMap<&str, String> =
            SETTINGS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let voters = quorum.iter().map(|node| format!("{}@{}", node.id, node.controller_address()));
        let address = format!("PLAINTEXT://127.0.0.1:{}", self.port);
        let listeners = format!("{address},CONTROLLER://{}", self.controller_address());
        properties.extend([
            ("node.id", self.id.to_string()),
            ("controller.quorum.voters", voters.collect::<Vec<_>>().join(",")),
            ("listeners", listeners),
            ("advertised.listeners", address),
            ("log.dirs", folder.join("data").display().to_string()),
        ]);
        for setting in settings {
            let (name, value) = setting.split_once('=').with_context(|| {
                format!("{setting} is not a setting of Kafka's: NAME=VALUE is wanted")
            })?;
            properties.insert(name, value.to_owned());
        }
        Ok(properties.iter().map(|(name, value)| format!("{name}={value}\n")).collect())
    }

    fn controller_address(self) -> String {
        format!("127.0.0.1:{}", self.controller_port)
    }
}

/// Java with Kafka on its class path and a heap of so many megabytes.
fn java(heap: u16) -> anyhow::Result<Command> {
    let mut command = Command::new("java");
    command.arg(format!("-Xmx{heap}m")).args([
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        "-XX:TieredStopAtLevel=1",
    ]);
    command.arg("-Dorg.slf4j.simpleLogger.showDateTime=true");
    command.arg("-cp").arg(jars::folder()?.join("*"));
    Ok(command)
}

/// A port below those that the system gives to connections: while a broker is away, a client that
/// knocks from the very port it knocks at would be connected to itself, and keep the broker out.
fn free_port() -> anyhow::Result<u16> {
    for _ in 0..1000 {
        let (_, random) = Uuid::now_v7().as_u64_pair();
        let port = 20_000 + u16::try_from(random % 12_000)?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port between 20000 and 32000 is free")
}

/// Makes a library of a C source.
fn compile(source: &str, library: &Path) -> anyhow::Result<()> {
    let mut compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-x", "c", "-", "-ldl", "-o"])
        .arg(library)
        .stdin(Stdio::piped())
        .spawn()
        .context("a C compiler is needed; on Debian: apt-get install -y gcc libc6-dev")?;
    let mut input = compiler.stdin.take().context("cc has no input")?;
    input.write_all(source.as_bytes())?;
    drop(input);
    if !compiler.wait()?.success() {
        bail!("cc can't make {}", library.display());
    }
    Ok(())
}
