//! Tokens of an identity provider: whom they let in, every kind that is refused, and what happens
//! while the provider's server changes its keys, is slow, down or talks nonsense.

mod provider_in_trouble;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use event_store::{Access, EventStore};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use log_record::{Partition, Position, Private};
use serde_json::{Value, json};
use services::{IdentityProvider, SigningKey, seconds_from_now};

use crate::ledger::{Api, Ledger, PATIENCE, ends, said, serve};

const ISSUER: &str = "https://login.shop.example/";

/// A ledger that takes the tokens of a provider.
struct Setting {
    provider: IdentityProvider,
    key: SigningKey,
    ledger: Ledger,
    folder: tempfile::TempDir,
}

impl Setting {
    fn start(args: &[&str]) -> Self {
        let key = key("k-1", Algorithm::ES256);
        let provider = IdentityProvider::start(&[&key]).expect("a provider");
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = start(&folder, &provider, args);
        Self { provider, key, ledger, folder }
    }

    fn with(&self, token: &str) -> Api {
        self.ledger.client.with_key("shopper", token)
    }

    /// The status of a read by a token.
    async fn status(&self, token: &str) -> u16 {
        self.with(token).get("shopper", "/v1/policy").await.status
    }

    /// Why a token isn't let in.
    async fn refused(&self, token: &str) -> String {
        let answer = self.with(token).get("shopper", "/v1/policy").await;
        let problem = answer.is_problem(401, "unauthorized");
        problem["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a token is answered so.
    async fn becomes(&self, token: &str, status: u16) {
        let begun = Instant::now();
        while self.status(token).await != status {
            assert!(begun.elapsed() < PATIENCE, "{status} is late: {}", said(self.folder.path()));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the health check says of the tokens' keys.
    async fn health(&self) -> Value {
        self.ledger.client.get("operator", "/health/ready").await.is(200)["tokens"].clone()
    }
}

fn key(id: &str, algorithm: Algorithm) -> SigningKey {
    SigningKey::make(id, algorithm).expect("a key")
}

fn start(folder: &tempfile::TempDir, provider: &IdentityProvider, args: &[&str]) -> Ledger {
    let issuer = ["--jwt-issuer", ISSUER, "--jwt-audience", "other,guerdon"];
    let keys = ["--jwt-keys", provider.keys_url()];
    // As on a machine without certificates: nothing here is called over TLS.
    let bare = [("SSL_CERT_FILE", "/no/such/file"), ("SSL_CERT_DIR", "/no/such/folder")];
    Ledger::start_with(folder.path(), &[&issuer[..], &keys, args].concat(), &bare)
}

/// The claims of a shopper's token, and others in their place.
fn claims(account: &str, more: Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "guerdon", "sub": account, "exp": seconds_from_now(600),
    });
    let more = more.as_object().expect("claims").clone();
    claims.as_object_mut().expect("claims").extend(more);
    claims.as_object_mut().expect("claims").retain(|_, value| !value.is_null());
    claims
}

fn token(key: &SigningKey, account: &str) -> String {
    key.sign(&claims(account, json!({}))).expect("signed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_each_algorithm_redeems_for_its_own_account_alone() {
    let algorithms = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
    let keys = algorithms.map(|algorithm| key(&format!("{algorithm:?}"), algorithm));
    let setting = Setting::start(&["--limit-shopper", "off"]);
    setting.provider.publish(&keys.each_ref());
    let api = &setting.ledger.client;
    api.opens("mug", 300, None, None).await;
    api.earns("ann", 900, "B-1").await;
    let position = api.earns("bob", 900, "B-1").await;
    api.get_after(&position, "shopper", "/v1/accounts/bob").await.is(200);
    for key in &keys {
        let ann = setting.with(&token(key, "ann"));
        ann.get("shopper", "/v1/accounts/ann").await.is(200);
        ann.redeems("ann", &format!("x-{}", key.id), "mug").await.is(201);
        // Whether bob is there or not, the answer is the same.
        let of_bob = ann.get("shopper", "/v1/accounts/bob").await;
        of_bob.is_problem(404, "not-found");
        assert_eq!(of_bob, ann.get("shopper", "/v1/accounts/nobody").await);
        assert_eq!(ann.redeems("bob", "x-1", "mug").await.body, of_bob.body);
        ann.get("shopper", "/v1/purchases").await.is_problem(403, "forbidden");
    }
    // Once it is a part of ann's account, it is ann's.
    api.put("operator", "/v1/accounts/bob/merger", json!({"into": "ann"})).await.is(201);
    let ann = setting.with(&token(&keys[0], "ann"));
    ann.get("shopper", "/v1/accounts/bob").await.is(200);
    ann.redeems("bob", "x-1", "mug").await.is_problem(409, "account-merged");
    let store = format!("sqlite:{}", setting.folder.path().join("log.sqlite").display());
    assert_eq!(setting.ledger.stop(), Some(0));
    let store = EventStore::open(&store.parse().expect("a URL"), Access::Read).await.expect("it");
    let events = store.read(Partition(0), Position::START, 1_000).await.expect("read");
    let mut callers = vec![];
    for event in events.iter().filter(|event| &*event.event_type == "exchange-created") {
        let public: Value = serde_json::from_str(&event.public).expect("JSON");
        assert_eq!(public["meta"]["role"], "shopper");
        callers.push(public["meta"]["key"].as_str().expect("a key").to_owned());
        let Private::Text(private) = &event.private else { panic!("no private text: {event:?}") };
        let private: Value = serde_json::from_str(private).expect("JSON");
        assert_eq!(private["subject"], "ann");
    }
    assert_eq!(callers, ["jwt:RS256", "jwt:ES256", "jwt:EdDSA"]);
}

/// A token whose header is written by hand, with any signature.
fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_token_is_refused_with_its_reason() {
    let setting = Setting::start(&[]);
    let (ec, rsa) = (&setting.key, key("k-rsa", Algorithm::RS256));
    setting.provider.publish(&[ec, &rsa]);
    setting.becomes(&token(&rsa, "ann"), 200).await;
    let sign = |more: Value| ec.sign(&claims("ann", more)).expect("signed");
    let own = claims("ann", json!({}));
    let good = sign(json!({}));
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let hs256 = |secret: &[u8]| {
        let header = Header { kid: Some("k-rsa".into()), ..Header::new(Algorithm::HS256) };
        let secret = EncodingKey::from_secret(secret).expect("a secret");
        jsonwebtoken::encode(&header, &own, &secret).expect("signed")
    };
    let modulus = rsa.public["n"].as_str().expect("a modulus");
    let header = |header: Header| ec.sign_with(&header, &own).expect("signed");
    let of_ec = || Header { kid: Some("k-1".into()), ..Header::new(Algorithm::ES256) };
    let stranger = key("k-1", Algorithm::ES256);
    let none = json!({"alg": "none", "typ": "JWT", "kid": "k-1"});
    let with_alg = |alg: &str| json!({"alg": alg, "typ": "JWT", "kid": "k-1"});
    let with_crit = json!({"alg": "ES256", "kid": "k-1", "crit": ["of tomorrow"]});
    let bad: Vec<(&str, String, &str)> = vec![
        ("expired", sign(json!({"exp": seconds_from_now(-60)})), "expired"),
        ("expired long ago", sign(json!({"exp": 0})), "expired"),
        ("not yet valid", sign(json!({"nbf": seconds_from_now(300)})), "not-yet-valid"),
        ("without expiry", sign(json!({"exp": null})), "claim"),
        ("with a word as expiry", sign(json!({"exp": "tomorrow"})), "claim"),
        ("of another issuer", sign(json!({"iss": "https://evil.example/"})), "issuer"),
        ("of a similar issuer", sign(json!({"iss": "https://login.shop.example"})), "issuer"),
        ("of two issuers", sign(json!({"iss": [ISSUER, "https://evil.example/"]})), "issuer"),
        ("without issuer", sign(json!({"iss": null})), "claim"),
        ("for another audience", sign(json!({"aud": "shop"})), "audience"),
        ("for other audiences", sign(json!({"aud": ["shop", "guerdon2"]})), "audience"),
        ("without audience", sign(json!({"aud": null})), "claim"),
        ("without account", sign(json!({"sub": null})), "claim"),
        ("with a path as account", sign(json!({"sub": "ann/../bob"})), "claim"),
        ("with a role that is not taken", sign(json!({"guerdon_role": "operator"})), "claim"),
        ("with an unknown role", sign(json!({"guerdon_role": "king"})), "claim"),
        ("with an unknown scope", sign(json!({"guerdon_scopes": "everything"})), "claim"),
        ("without algorithm", forged(&none, &own, b""), "algorithm"),
        ("with None as algorithm", forged(&with_alg("None"), &own, b""), "algorithm"),
        ("without algorithm, with a signature", forged(&none, &own, &[7; 64]), "algorithm"),
        ("HS256 with the modulus", hs256(modulus.as_bytes()), "algorithm"),
        ("HS256 with the public key", hs256(rsa.public.to_string().as_bytes()), "algorithm"),
        ("of a stranger's key with our id", token(&stranger, "ann"), "signature"),
        ("of an unknown key", token(&key("k-2", Algorithm::ES256), "ann"), "unknown-key"),
        ("of another algorithm's key", forged(&with_alg("RS256"), &own, &[7; 64]), "unknown-key"),
        ("by ES384", forged(&with_alg("ES384"), &own, &[7; 96]), "algorithm"),
        ("with zeros as signature", format!("{head}.{}", "A".repeat(86)), "signature"),
        ("with no signature", format!("{head}."), "signature"),
        (
            "with other claims",
            forged(&with_alg("ES256"), &claims("bob", json!({})), &[]),
            "signature",
        ),
        ("that is to be understood", forged(&with_crit, &own, &[7; 64]), "malformed"),
        (
            "of another type",
            header(Header { typ: Some("logout+jwt".into()), ..of_ec() }),
            "malformed",
        ),
        ("in two parts", head.to_owned(), "malformed"),
        ("in four parts", format!("{good}.{signature}"), "malformed"),
        ("of dots", "..".to_owned(), "malformed"),
        ("with a list as claims", ec.sign(&json!([own])).expect("signed"), "malformed"),
        ("that is long", format!("{head}.{}", "A".repeat(13_000)), "malformed"),
    ];
    for (which, token, reason) in bad {
        assert_eq!(setting.refused(&token).await, reason, "a token {which}");
        // It isn't remembered as good.
        assert_eq!(setting.refused(&token).await, reason, "a token {which}");
    }
    let response = setting.with(&sign(json!({"exp": 0}))).request("GET", "/v1/policy", "shopper");
    let response = response.send().await.expect("answered");
    assert_eq!(response.headers()["www-authenticate"], r#"Bearer error="invalid_token""#);
    for good in [
        good,
        sign(json!({"aud": ["shop", "guerdon"], "nbf": seconds_from_now(-5)})),
        sign(json!({"nbf": seconds_from_now(10), "exp": seconds_from_now(20)})),
        header(Header { typ: Some("at+JWT".into()), ..of_ec() }),
        header(Header { kid: None, typ: None, ..of_ec() }),
    ] {
        assert_eq!(setting.status(&good).await, 200, "{good}");
    }
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_time_is_no_wrong_key_and_a_forged_one_is_wherever_it_is_shown() {
    let setting = Setting::start(&["--limit-wrong-keys=3/1h"]);
    setting.becomes(&token(&setting.key, "ann"), 200).await;
    let sign = |more: Value| setting.key.sign(&claims("ann", more)).expect("signed");
    let expired = sign(json!({"exp": seconds_from_now(-60)}));
    let early = sign(json!({"nbf": seconds_from_now(300)}));
    for _ in 0..4 {
        assert_eq!(setting.refused(&expired).await, "expired");
        assert_eq!(setting.refused(&early).await, "not-yet-valid");
    }
    let stranger = key("k-1", Algorithm::ES256);
    let by_stranger = |account: &str| setting.with(&token(&stranger, account));
    by_stranger("ann").get("shopper", "/metrics").await.is_problem(401, "unauthorized");
    for account in ["bob", "carl", "dan"] {
        let health = by_stranger(account).get("shopper", "/health/ready").await;
        assert_eq!(health.status, 200);
    }
    by_stranger("eve").get("shopper", "/v1/policy").await.is_problem(429, "rate-limited");
    by_stranger("eve").get("shopper", "/metrics").await.is_problem(429, "rate-limited");
    assert_eq!(setting.status(&token(&setting.key, "fay")).await, 429, "a new one isn't checked");
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_known_at_once_and_an_old_one_no_longer() {
    let setting = Setting::start(&[]);
    let (old, new) = (&setting.key, key("k-2", Algorithm::EdDSA));
    let (by_old, by_new) = (token(old, "ann"), token(&new, "ann"));
    assert_eq!(setting.status(&by_old).await, 200);
    assert_eq!(setting.refused(&by_new).await, "unknown-key");
    setting.provider.publish(&[old, &new]);
    assert_eq!(setting.status(&by_new).await, 200, "the first call");
    assert_eq!(setting.status(&by_old).await, 200);
    setting.provider.publish(&[&new]);
    // Whatever makes the ledger look again, and however often a token was let in before.
    assert_eq!(setting.refused(&token(&key("k-3", Algorithm::ES256), "ann")).await, "unknown-key");
    assert_eq!(setting.refused(&by_old).await, "unknown-key");
    assert_eq!(setting.status(&by_new).await, 200);

    // Strangers can't make the ledger ask the provider more than once a second.
    let (asked, begun) = (setting.provider.asked(), Instant::now());
    let unknown = token(&key("k-4", Algorithm::ES256), "ann");
    let calls = (0..40).map(|_| {
        let api = setting.with(&unknown);
        tokio::spawn(async move { api.get("shopper", "/v1/policy").await.status })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("answered"), 401);
    }
    let looks = setting.provider.asked() - asked;
    assert!(looks <= 1 + begun.elapsed().as_secs(), "{looks} in {:?}", begun.elapsed());
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_can_come_from_a_file_that_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = (key("k-1", Algorithm::RS256), key("k-2", Algorithm::RS256));
    let file = folder.path().join("jwks.json");
    let write = |keys: &str| std::fs::write(&file, keys).expect("written");
    write(&IdentityProvider::key_set(&[&old]));
    let name = file.to_str().expect("UTF-8");
    let args = ["--jwt-issuer", ISSUER, "--jwt-audience", "guerdon", "--jwt-keys", name];
    let ledger = Ledger::start_with(folder.path(), &args, &[]);
    let status = async |token: &str| {
        let api = ledger.client.with_key("shopper", token);
        api.get("shopper", "/v1/accounts/ann").await.status
    };
    // There is no such account as yet, and the token reaches it.
    assert_eq!(status(&token(&old, "ann")).await, 404);
    write(&IdentityProvider::key_set(&[&new]));
    assert_eq!(status(&token(&new, "ann")).await, 404);
    assert_eq!(status(&token(&old, "ann")).await, 401);
    write("{");
    assert_eq!(status(&token(&new, "ann")).await, 404, "known keys are believed");
    assert_eq!(ledger.stop(), Some(0));
    let mut command = serve(folder.path());
    command.args(args);
    let refused = ends(command);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("jwks.json"), "{said}");
    assert!(said.contains("not a JSON Web Key Set"), "{said}");
}

/// A server of OpenSSL's that gives the files of a folder over TLS. It ends with this.
#[cfg(feature = "tls")]
struct TlsServer(std::process::Child);

#[cfg(feature = "tls")]
impl Drop for TlsServer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_over_tls_from_a_server_that_the_system_trusts() {
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().expect("a folder");
    let files = crate::ledger::certificate::CertificateFiles::make(folder.path());
    let key = key("k-1", Algorithm::RS256);
    let keys = IdentityProvider::key_set(&[&key]);
    std::fs::write(folder.path().join("jwks.json"), keys).expect("written");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let address = port.expect("a free port").to_string();
    let mut server = Command::new("openssl");
    server.args(["s_server", "-quiet", "-WWW", "-accept", &address]).current_dir(folder.path());
    server.arg("-cert").arg(&files.chain).arg("-key").arg(&files.key);
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = TlsServer(server.spawn().expect("OpenSSL; on Debian: apt-get install openssl"));
    let url = format!("https://{address}/jwks.json");
    let chain = files.chain.to_str().expect("UTF-8");
    for (trusted, status) in [(chain, 200), ("/no/such/file", 503)] {
        let data = tempfile::tempdir().expect("a folder");
        let args = ["--jwt-issuer", ISSUER, "--jwt-audience", "guerdon", "--jwt-keys", &url];
        let trust = [("SSL_CERT_FILE", trusted), ("SSL_CERT_DIR", "/no/such/folder")];
        let ledger = Ledger::start_with(data.path(), &args, &trust);
        let ann = ledger.client.with_key("shopper", &token(&key, "ann"));
        let begun = Instant::now();
        while ann.get("shopper", "/v1/policy").await.status != status {
            assert!(begun.elapsed() < PATIENCE, "{status} is late: {}", said(data.path()));
        }
        assert_eq!(ledger.stop(), Some(0));
        let has_keys = !said(data.path()).contains("UnknownIssuer");
        assert_eq!(has_keys, status == 200, "{}", said(data.path()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_say_role_and_scopes_as_they_are_configured_to() {
    let setting = Setting::start(&[
        "--jwt-role-claim",
        "/realm_access/roles",
        "--jwt-scopes-claim",
        "scope",
        "--jwt-prefix",
        "guerdon:",
        "--jwt-account-claim",
        "https://shop.example/account",
        "--jwt-roles",
        "shopper,operator,auditor",
    ]);
    let bearer = |role: &str, scope: &str| {
        let roles = json!(["offline_access", format!("guerdon:{role}")]);
        let more = json!({"realm_access": {"roles": roles}, "scope": scope});
        setting.with(&setting.key.sign(&claims("otto@shop.example", more)).expect("signed"))
    };
    let offer = json!({"product_id": "p", "price": 1, "stock": null});
    let operator = bearer("operator", "openid");
    operator.put("shopper", "/v1/offers/mug", offer.clone()).await.is(201);
    operator.get("shopper", "/v1/keys").await.is(200);
    let reader = bearer("operator", "openid guerdon:read-only");
    reader.get("shopper", "/v1/offers/mug").await.is(200);
    let refused = reader.put("shopper", "/v1/offers/cup", offer).await;
    assert_eq!(refused.is_problem(403, "forbidden")["scope"], "read-only");
    bearer("auditor", "").get("shopper", "/v1/totals").await.is(200);
    bearer("merchant", "").get("shopper", "/v1/policy").await.is_problem(401, "unauthorized");
    let account = json!({"https://shop.example/account": "ann"});
    let ann = setting.with(&setting.key.sign(&claims("auth0|7", account)).expect("signed"));
    ann.get("shopper", "/v1/accounts/bob").await.is_problem(404, "not-found");
    ann.put("shopper", "/v1/accounts/ann", json!({})).await.is(201);
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_when_its_token_is_no_longer_good() {
    let setting = Setting::start(&["--jwt-roles", "warehouse", "--jwt-keys-refresh", "1s"]);
    let main = claims("main", json!({"guerdon_role": "warehouse"}));
    let main = setting.with(&setting.key.sign(&main).expect("signed"));
    let path = "/v1/shipping-stream?warehouse=main";
    let request = main.request("GET", path, "shopper").header("accept", "text/event-stream");
    let mut stream = request.send().await.expect("answered");
    assert_eq!(stream.status(), 200);
    setting.provider.publish(&[&key("k-2", Algorithm::ES256)]);
    let read_to_its_end = async { while let Ok(Some(_)) = stream.chunk().await {} };
    tokio::time::timeout(PATIENCE, read_to_its_end).await.expect("it ends");
    main.get("shopper", path).await.is_problem(401, "unauthorized");
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[test]
fn options_of_tokens_that_leave_something_open_are_refused() {
    let issuer = ["--jwt-issuer", ISSUER];
    let audience = ["--jwt-audience", "guerdon"];
    let keys = ["--jwt-keys", "https://login.shop.example/jwks.json"];
    for (args, words) in [
        ([&issuer[..], &keys].concat(), "there is no --jwt-audience"),
        ([&issuer[..], &audience].concat(), "there is no --jwt-keys"),
        ([&audience[..], &keys].concat(), "there is no --jwt-issuer"),
        ([&keys[..]].concat(), "no --jwt-issuer and no --jwt-audience"),
        ([&issuer[..], &["--jwt-audience", ""], &keys].concat(), "--jwt-audience"),
        ([&issuer[..], &audience, &["--jwt-keys", "http://login.example/"]].concat(), "use https"),
        ([&issuer[..], &audience, &["--jwt-keys", "/no/such/file"]].concat(), "/no/such/file"),
        ([&issuer[..], &audience, &keys, &["--jwt-roles", "king"]].concat(), "none of shopper"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = serve(folder.path());
        command.args(&args);
        let refused = ends(command);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(words), "{args:?}: {said}");
    }
}
