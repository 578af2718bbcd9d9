//! A ledger that speaks TLS by itself, and what others are told who speak something else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use reqwest::tls::TlsInfo;

use crate::ledger::certificate::CertificateFiles;
use crate::ledger::{Ledger, PATIENCE, ends, said, serve, tool_of, until_said};
use crate::raw::Raw;

fn start(folder: &Path, files: &CertificateFiles, more: &[&str]) -> Ledger {
    let (chain, key) = (files.chain.display().to_string(), files.key.display().to_string());
    let options = ["--tls-certificate", &chain, "--tls-key", &key];
    Ledger::start_with(folder, &[&options[..], more].concat(), &[("RUST_LOG", "info")])
}

/// A slim container has no authorities of the system.
#[test]
fn a_tool_calls_a_ledger_without_tls_from_a_machine_without_certificates() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let mut tool = tool_of(&ledger, &["shipping", "overdue"]);
    tool.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", folder.path().join("none"));
    let told = ends(tool);
    assert!(told.status.success(), "{told:?}");
    assert_eq!(ledger.stop(), Some(0));
}

/// The certificate that a new connection is shown.
async fn shown(url: &str, client: &Client) -> Option<Vec<u8>> {
    let answer = client.get(format!("{url}/health/live")).send().await.ok()?;
    let told = answer.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
    Some(told.expect("it is encrypted").to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_with_a_certificate_is_called_over_tls_and_not_otherwise() {
    let (folder, files) = (tempfile::tempdir().expect("a folder"), CertificateFiles::make);
    let files = files(folder.path());
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    let ledger = start(&data, &files, &["--header-timeout", "2s"]);
    let url = ledger.client.url.clone();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let api = ledger.client.with_client(files.client());
    api.opens("mug", 300, None, None).await;
    let position = api.earns("ann", 500, "B-1").await;
    api.redeems("ann", "x-1", "mug").await.is(201);
    api.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    let live = api.request("GET", "/health/live", "shopper").send().await.expect("answered");
    assert_eq!(live.headers()["strict-transport-security"], "max-age=31536000");
    let stranger = Client::builder().timeout(PATIENCE).build().expect("a client");
    assert_eq!(shown(&url, &stranger).await, None, "it doesn't know the certificate");

    // A tool trusts what the system does.
    let mut tool = tool_of(&ledger, &["shipping", "overdue"]);
    tool.env("SSL_CERT_FILE", &files.chain);
    let told = ends(tool);
    assert!(told.status.success(), "{told:?}");
    assert!(!ends(tool_of(&ledger, &["shipping", "overdue"])).status.success());

    let plain = url.replace("https://", "http://");
    let mut unencrypted = Raw::to(&plain).await;
    unencrypted.says("GET /health/live HTTP/1.1\r\nhost: ledger\r\n\r\n").await;
    let closed = unencrypted.until_closed().await;
    assert!(!closed.text.contains("HTTP/1.1"), "{closed:?}");
    let silent = Raw::to(&plain).await.until_closed().await;
    assert!(silent.after >= Duration::from_millis(1_999), "{silent:?}");
    assert_eq!(ledger.stop(), Some(0), "{}", said(&data));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_changes_is_shown_to_new_connections() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = CertificateFiles::make(folder.path());
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    let ledger = start(&data, &first, &[]);
    let url = ledger.client.url.clone();
    let before = first.client();
    let old = shown(&url, &before).await.expect("answered");

    // A key alone doesn't go with the certificate, and so nothing changes.
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("made");
    let second = CertificateFiles::make(&other);
    fs::rename(&second.key, &first.key).expect("put in place");
    until_said(&data, "the former certificate is still shown").await;
    assert_eq!(shown(&url, &first.client()).await, Some(old.clone()));
    fs::rename(&second.chain, &first.chain).expect("put in place");
    until_said(&data, "new connections are shown the new certificate").await;
    let new = shown(&url, &first.client()).await.expect("the new one is trusted now");
    assert_ne!(new, old);
    // The connection of before goes on.
    assert_eq!(shown(&url, &before).await, Some(old));
    assert_eq!(ledger.stop(), Some(0), "{}", said(&data));
}

#[test]
fn a_certificate_that_can_not_be_used_is_named_and_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = CertificateFiles::make(folder.path());
    let other = folder.path().join("other");
    fs::create_dir(&other).expect("made");
    let others = CertificateFiles::make(&other);
    let (missing, empty) = (folder.path().join("missing"), folder.path().join("empty"));
    fs::write(&empty, "").expect("written");
    let (chain, key) = (&files.chain, &files.key);
    for (chain, key, complaint) in [
        (&missing, Some(key), "can't read --tls-certificate"),
        (&empty, Some(key), "holds no certificate"),
        (key, Some(key), "holds no certificate"),
        (chain, Some(&missing), "--tls-key"),
        (chain, Some(chain), "--tls-key"),
        (chain, Some(&others.key), "don't go together"),
        (chain, None, "--tls-key"),
    ] {
        let data = folder.path().join("data");
        let mut command = serve(&data);
        command.arg("--tls-certificate").arg(chain);
        if let Some(key) = key {
            command.arg("--tls-key").arg(key);
        }
        let output = ends(command);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(complaint), "{complaint}: {said}");
        assert!(!data.join("log.sqlite").exists(), "{complaint}: nothing is made");
    }
}
