//! TLS at the ledger's own addresses: one certificate, which is read again when its files change.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::watched_stream::WatchedStream;
use crate::edge_config::EdgeConfig;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// TLS as a server speaks it.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

/// The certificate that new connections are shown.
#[derive(Debug)]
struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    shown: RwLock<Arc<CertifiedKey>>,
}

impl Tls {
    /// With the files of the options; nothing without them.
    pub(super) fn open(config: &EdgeConfig) -> anyhow::Result<Option<Self>> {
        let files = config.tls_certificate.clone().zip(config.tls_key.clone());
        let Some((chain, key)) = files else { return Ok(None) };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let shown = RwLock::new(read(&chain, &key, &provider)?);
        let certificate = Certificate { chain, key, provider: Arc::clone(&provider), shown };
        let certificate = Arc::new(certificate);
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS can't be set up")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self { acceptor: Arc::new(server).into(), certificate }))
    }

    /// Agrees with a client on how to encrypt.
    pub(super) async fn accept(
        &self,
        stream: WatchedStream,
    ) -> io::Result<TlsStream<WatchedStream>> {
        self.acceptor.accept(stream).await
    }

    /// Looks at the files, as long as it runs. What can't be used changes nothing.
    pub(super) async fn keep_up(&self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = None;
        loop {
            look.tick().await;
            let certificate = Arc::clone(&self.certificate);
            // A disk may take its time.
            let looking = tokio::task::spawn_blocking(move || certificate.look(known));
            known = looking.await.ok();
        }
    }
}

/// What tells that a file is another one, or was written again.
type Mark = (i64, i64, u64, u64);

impl Certificate {
    /// Reads the files if they aren't as they were; gives how they are.
    fn look(&self, known: Option<[Option<Mark>; 2]>) -> [Option<Mark>; 2] {
        let marks = [&self.chain, &self.key].map(|file| {
            let metadata = fs::metadata(file).ok()?;
            Some((metadata.mtime(), metadata.mtime_nsec(), metadata.len(), metadata.ino()))
        });
        if known == Some(marks) {
            return marks;
        }
        let file = self.chain.display();
        match read(&self.chain, &self.key, &self.provider) {
            Ok(read) if read.cert == self.shown.read().cert => {}
            Ok(read) => {
                *self.shown.write() = read;
                tracing::info!(%file, "new connections are shown the new certificate");
            }
            Err(error) => {
                let why = format!("{error:#}");
                tracing::warn!(%file, why, "the former certificate is still shown");
            }
        }
        marks
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read()))
    }
}

/// The certificates of one file with the key of another.
fn read(chain: &Path, key: &Path, provider: &CryptoProvider) -> anyhow::Result<Arc<CertifiedKey>> {
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("can't read --tls-certificate {}", chain.display()))?;
    ensure!(
        !certificates.is_empty(),
        "--tls-certificate {} holds no certificate in PEM",
        chain.display()
    );
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| {
        format!("can't read a private key in PEM from --tls-key {}", key.display())
    })?;
    let together = CertifiedKey::from_der(certificates, private, provider).with_context(|| {
        format!(
            "the first certificate of --tls-certificate {} and --tls-key {} don't go together",
            chain.display(),
            key.display()
        )
    })?;
    Ok(Arc::new(together))
}
