//! nginx with the configuration of the documents: its addresses and paths are replaced, and nothing
//! else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;

use super::free_port;
use crate::ledger::PATIENCE;
use crate::ledger::certificate::CertificateFiles;

/// Folders that nginx makes files in, and that are the system's otherwise.
const TEMPORARY: [&str; 5] = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/// The ports of the processes behind it.
pub(crate) struct Upstreams {
    /// The one that takes commands, and its standby.
    pub(crate) commands: [u16; 2],
    pub(crate) queries: [u16; 2],
}

/// A running nginx. It is ended when this is dropped.
pub(crate) struct Proxy {
    process: Child,
    folder: PathBuf,
    certificate: CertificateFiles,
    pub(crate) url: String,
}

/// Debian's nginx; nothing where it can't be had, which is said.
pub(crate) fn program() -> Option<PathBuf> {
    match services::debian_program("nginx", "usr/sbin/nginx") {
        Ok(program) => Some(program),
        Err(error) => {
            eprintln!("skipped: Debian's nginx can't be had: {error:#}");
            None
        }
    }
}

impl Proxy {
    pub(crate) fn start(
        program: &Path,
        folder: &Path,
        upstreams: &Upstreams,
        public_key: &str,
    ) -> Self {
        let etc = folder.join("etc/guerdon");
        for folder in [&etc, &folder.join("cache"), &folder.join("log"), &folder.join("tmp")] {
            fs::create_dir_all(folder).expect("made");
        }
        let certificate = CertificateFiles::make(&etc);
        let public =
            format!("map \"\" $guerdon_public_key {{ default \"Bearer {public_key}\"; }}\n");
        fs::write(folder.join("etc/guerdon-public-key.conf"), public).expect("written");
        let port = free_port();
        let file = folder.join("guerdon.conf");
        fs::write(&file, configuration(folder, port, upstreams)).expect("written");
        let own = folder.join("nginx.conf");
        fs::write(&own, surroundings(folder, &file)).expect("written");
        let errors = folder.join("log/error.log");
        let process = Command::new(program)
            .args(["-p".as_ref(), folder.as_os_str(), "-c".as_ref(), own.as_os_str()])
            .args(["-e".as_ref(), errors.as_os_str()])
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx runs");
        let mut proxy = Self {
            process,
            folder: folder.to_owned(),
            certificate,
            url: format!("https://127.0.0.1:{port}"),
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = proxy.process.try_wait().expect("it can be asked");
            let errors = fs::read_to_string(&errors).unwrap_or_default();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "{ended:?}: {errors}");
            std::thread::sleep(Duration::from_millis(20));
        }
        proxy
    }

    /// A client that trusts its certificate.
    pub(crate) fn client(&self) -> Client {
        self.certificate.client()
    }

    /// Its access log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log/guerdon.log")).expect("its log")
    }

    /// How many requests the process at this port answered.
    pub(crate) fn answered_by(&self, port: u16) -> usize {
        let last = format!("127.0.0.1:{port} upstream_status=");
        self.log().lines().filter(|line| line.contains(&last) && line.contains(" 200 ")).count()
    }

    /// How many requests went on to another process, after that at this port didn't answer.
    pub(crate) fn retried_after(&self, port: u16) -> usize {
        let first = format!("upstream=127.0.0.1:{port}, ");
        self.log().lines().filter(|line| line.contains(&first)).count()
    }

    /// How many requests were answered with what was kept.
    pub(crate) fn kept(&self) -> usize {
        self.log().lines().filter(|line| line.contains("cache=HIT")).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its workers end with it only if it is asked.
        let pid = self.process.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        drop(self.process.wait());
        if std::thread::panicking() {
            let errors = fs::read_to_string(self.folder.join("log/error.log"));
            eprintln!("nginx said: {}", errors.unwrap_or_default());
        }
    }
}

/// The configuration of the documents for these ports, with files in this folder.
fn configuration(folder: &Path, port: u16, upstreams: &Upstreams) -> String {
    let documents = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations/nginx");
    let mut text = fs::read_to_string(documents.join("guerdon.conf")).expect("the configuration");
    let [[command, standby], [first, second]] = [upstreams.commands, upstreams.queries];
    let folder = folder.display();
    for (own, others) in [
        ("# server 10.0.0.12:8080", format!("server 127.0.0.1:{standby}")),
        ("10.0.0.11:8080", format!("127.0.0.1:{command}")),
        ("10.0.0.21:8080", format!("127.0.0.1:{first}")),
        ("10.0.0.22:8080", format!("127.0.0.1:{second}")),
        ("listen 443 ssl;", format!("listen 127.0.0.1:{port} ssl;")),
        (" /etc/nginx/", format!(" {folder}/etc/")),
        (" /var/cache/nginx/", format!(" {folder}/cache/")),
        (" /var/log/nginx/", format!(" {folder}/log/")),
    ] {
        assert!(text.contains(own), "the configuration has no {own}");
        text = text.replace(own, &others);
    }
    text
}

/// What Debian has around it, with files in this folder.
fn surroundings(folder: &Path, file: &Path) -> String {
    let user = if rustix::process::getuid().is_root() { "user root;" } else { "" };
    let (folder, file) = (folder.display(), file.display());
    let paths = TEMPORARY.map(|of| format!("    {of}_temp_path {folder}/tmp/{of};\n"));
    format!(
        "{user}\ndaemon off;\nworker_processes 2;\npid {folder}/pid;\n\
         error_log {folder}/log/error.log;\nevents {{ worker_connections 512; }}\n\
         http {{\n{}    include {file};\n}}\n",
        paths.concat()
    )
}
