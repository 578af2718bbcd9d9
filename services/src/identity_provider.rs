//! An issuer of tokens (JWT), with a server that publishes its keys and may have any trouble.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// What stands before the key itself in PKCS #8, for 2,048 bits.
const PKCS8_HEADER_BYTES: usize = 26;

/// An issuer whose keys are at [`IdentityProvider::keys_url`]. Its server ends with the process.
pub struct IdentityProvider {
    keys_url: String,
    shared: Arc<Shared>,
}

struct Shared {
    keys: Mutex<Vec<u8>>,
    trouble: Mutex<Trouble>,
    asked: AtomicU64,
    sent: AtomicU64,
}

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It answers.
    None,
    /// It closes each connection without an answer.
    Down,
    /// It sends a byte of its answer each second.
    Slow,
    /// It sends so many bytes, without saying how many.
    Long(u64),
    /// It answers with this status.
    Status(u16),
    /// It says to look elsewhere.
    Moved,
    /// It answers something that is no key set.
    Nonsense,
}

/// A key that an issuer signs with.
pub struct SigningKey {
    /// Its id, `kid`.
    pub id: String,
    /// What it signs by.
    pub algorithm: Algorithm,
    /// Its secret half.
    pub secret: EncodingKey,
    /// Its public half, as a key set has it.
    pub public: Value,
}

impl SigningKey {
    /// A new key for RS256, ES256 or `EdDSA`.
    pub fn make(id: &str, algorithm: Algorithm) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let secret = match algorithm {
            Algorithm::RS256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
                let der: Pkcs8V1Der<'_> = pair.as_der()?;
                EncodingKey::from_rsa_der(&der.as_ref()[PKCS8_HEADER_BYTES..])
            }
            Algorithm::ES256 => {
                let curve = &ECDSA_P256_SHA256_FIXED_SIGNING;
                EncodingKey::from_ec_der(EcdsaKeyPair::generate_pkcs8(curve, &random)?.as_ref())
            }
            Algorithm::EdDSA => {
                EncodingKey::from_ed_der(Ed25519KeyPair::generate_pkcs8v1(&random)?.as_ref())
            }
            other => anyhow::bail!("the ledger takes no {other:?}"),
        };
        let mut public = serde_json::to_value(Jwk::from_encoding_key(&secret, algorithm)?)?;
        public["kid"] = id.into();
        public["use"] = "sig".into();
        Ok(Self { id: id.into(), algorithm, secret, public })
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        self.sign_with(&header, claims)
    }

    /// A token with this header.
    pub fn sign_with(&self, header: &Header, claims: &Value) -> anyhow::Result<String> {
        jsonwebtoken::encode(header, claims, &self.secret).context("it isn't signed")
    }
}

/// The seconds since 1970, and some more or less: for `exp` and `nbf`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "an issuer has a clock of its own")]
pub fn seconds_from_now(seconds: i64) -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX).saturating_add(seconds)
}

impl IdentityProvider {
    /// Starts a server that publishes these keys.
    pub fn start(keys: &[&SigningKey]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let keys_url = format!("http://{}/jwks.json", listener.local_addr()?);
        let shared = Arc::new(Shared {
            keys: Mutex::default(),
            trouble: Mutex::new(Trouble::None),
            asked: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = Arc::clone(&serving);
                // Whoever asks may be gone.
                std::thread::spawn(move || drop(serving.answer(stream)));
            }
        });
        let provider = Self { keys_url, shared };
        provider.publish(keys);
        Ok(provider)
    }

    /// Where its keys are.
    #[must_use]
    pub fn keys_url(&self) -> &str {
        &self.keys_url
    }

    /// A set with these keys.
    #[must_use]
    pub fn key_set(keys: &[&SigningKey]) -> String {
        let keys: Vec<&Value> = keys.iter().map(|key| &key.public).collect();
        json!({ "keys": keys }).to_string()
    }

    /// Publishes these keys from now on, and no others.
    pub fn publish(&self, keys: &[&SigningKey]) {
        *locked(&self.shared.keys) = Self::key_set(keys).into_bytes();
    }

    /// Behaves so from now on.
    pub fn has(&self, trouble: Trouble) {
        *locked(&self.shared.trouble) = trouble;
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::Relaxed)
    }

    /// How many bytes of answers it could send.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        read_request(&mut stream)?;
        self.asked.fetch_add(1, Ordering::Relaxed);
        let trouble = *locked(&self.trouble);
        let keys = locked(&self.keys).clone();
        let head = |status: u16, more: &str| {
            format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{more}\r\n").into_bytes()
        };
        match trouble {
            Trouble::None => self.send(&mut stream, &[head(200, ""), keys].concat()),
            Trouble::Down => Ok(()),
            Trouble::Slow => {
                self.send(&mut stream, &head(200, ""))?;
                for byte in keys {
                    self.send(&mut stream, &[byte])?;
                    std::thread::sleep(Duration::from_secs(1));
                }
                Ok(())
            }
            Trouble::Long(bytes) => {
                self.send(&mut stream, &head(200, ""))?;
                let piece = vec![b' '; 65_536];
                let mut left = bytes;
                while left > 0 {
                    self.send(&mut stream, &piece)?;
                    left = left.saturating_sub(65_536);
                }
                self.send(&mut stream, &keys)
            }
            Trouble::Status(status) => self.send(&mut stream, &[head(status, ""), keys].concat()),
            Trouble::Moved => self.send(&mut stream, &head(302, "location: /moved\r\n")),
            Trouble::Nonsense => {
                self.send(&mut stream, &[head(200, ""), b"<html>sorry</html>".to_vec()].concat())
            }
        }
    }

    fn send(&self, stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        stream.write_all(bytes)?;
        self.sent.fetch_add(u64::try_from(bytes.len()).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }
}

/// Reads up to the empty line.
fn read_request(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut request = vec![];
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    Ok(())
}

/// A lock that another thread's panic leaves usable.
fn locked<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
