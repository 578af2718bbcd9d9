//! A ledger that asks nobody for a key is for its own machine alone.

use serde_json::json;

use crate::ledger::{Ledger, ends, said, serve};

#[test]
fn who_asks_for_no_key_listens_to_this_machine_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    for (more, complaint) in [
        (&["--listen", "0.0.0.0:0"][..], "--listen 0.0.0.0:0"),
        (&["--listen", "[::]:0"], "--listen [::]:0"),
        (&["--listen", "[::ffff:0.0.0.0]:0"], "--listen"),
        (&["--listen", "192.0.2.1:8080"], "--listen 192.0.2.1:8080"),
        (&["--operators-listen", "0.0.0.0:0"], "--operators-listen 0.0.0.0:0"),
        (&["--trusted-proxies", "127.0.0.1"], "--trusted-proxies"),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_guerdon"));
        let data = folder.path().join("data");
        command.args(["serve", "--no-authentication", "--data-dir"]).arg(&data).args(more);
        if more[0] != "--listen" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let output = ends(command);
        let said = String::from_utf8_lossy(&output.stderr);
        let is_refused = said.contains("--no-authentication") && said.contains(complaint);
        assert!(!output.status.success() && is_refused, "{more:?}: {said}");
        assert!(!data.join("log.sqlite").exists(), "{more:?}: nothing is made");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_authentication_everybody_on_this_machine_does_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = serve(folder.path());
    command.arg("--no-authentication");
    let ledger = Ledger::run(command, folder.path());
    assert!(said(folder.path()).contains("calls need no key"), "{}", said(folder.path()));
    let (url, http) = (&ledger.client.url, reqwest::Client::new());
    let ask =
        async |method: &str, path: &str, body: serde_json::Value, headers: &[(&str, &str)]| {
            let method = method.parse().expect("a method");
            let mut request = http.request(method, format!("{url}{path}")).json(&body);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            request.send().await.expect("answered").status().as_u16()
        };
    let mug = json!({"product_id": "mug", "price": 300, "stock": null});
    assert_eq!(ask("PUT", "/v1/offers/mug", mug, &[]).await, 201);
    let credit = json!({"points": 500, "cause": {"kind": "adjustment", "id": "a-1"}});
    assert_eq!(ask("POST", "/v1/accounts/ann/credits", credit, &[]).await, 201, "by an operator");
    let redemption = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    let exchange = "/v1/accounts/ann/exchanges/x-1";
    assert_eq!(ask("PUT", exchange, redemption.clone(), &[]).await, 201, "by a shopper");
    assert_eq!(ask("GET", "/v1/totals", json!({}), &[]).await, 200);

    // A key is what it is, and an unknown one nothing.
    let known = ledger.client.put("merchant", exchange, redemption.clone()).await;
    known.is_problem(403, "forbidden");
    let unknown = ledger.client.with_key("shopper", "nobody's");
    unknown.put("shopper", exchange, redemption.clone()).await.is_problem(401, "unauthorized");

    // A page in a browser on this machine can't, by whatever name it reaches it.
    for (header, value, status) in [
        ("host", "stranger.example", 400),
        ("host", "localhost", 200),
        ("origin", "https://stranger.example", 400),
        ("origin", "null", 400),
        ("origin", "http://localhost:3000", 200),
    ] {
        let answered = ask("PUT", exchange, redemption.clone(), &[(header, value)]).await;
        assert_eq!(answered, status, "{header}: {value}");
    }
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_beyond_this_machine_unencrypted_is_warned() {
    let beyond = ["--listen", "0.0.0.0:0"];
    for (more, is_warned) in [(&[][..], true), (&["--trusted-proxies", "127.0.0.1"], false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.arg("serve").args(beyond).args(more).arg("--data-dir").arg(folder.path());
        command.env("RUST_LOG", "warn");
        let ledger = Ledger::run(command, folder.path());
        let said = said(folder.path());
        assert_eq!(said.contains("come unencrypted over the network"), is_warned, "{said}");
        assert_eq!(ledger.stop(), Some(0));
    }
}

/// The client of a request as the access log has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_is_believed_where_it_is_trusted() {
    for (more, header, expected) in [
        (&["--trusted-proxies", "127.0.0.0/8"][..], "x-forwarded-for", "203.0.113.7"),
        (&["--trusted-proxies", "127.0.0.1"], "forwarded", "127.0.0.1"),
        (&["--trusted-proxies", "10.0.0.1"], "x-forwarded-for", "127.0.0.1"),
        (&[], "x-forwarded-for", "127.0.0.1"),
        (
            &["--trusted-proxies", "127.0.0.1", "--proxy-header", "forwarded"],
            "forwarded",
            "203.0.113.7",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let options = [&["--access-log"][..], more].concat();
        let ledger = Ledger::start_with(folder.path(), &options, &[("RUST_LOG", "info")]);
        let told = if header == "forwarded" { "for=203.0.113.7" } else { "203.0.113.7" };
        let asked = ledger.client.request("GET", "/v1/offers", "shopper").header(header, told);
        ledger.client.send(asked).await.expect("answered").is(200);
        assert_eq!(ledger.stop(), Some(0));
        let said = said(folder.path());
        assert!(said.contains(&format!("client={expected}")), "{more:?} {header}: {said}");
    }
}
