//! Certificates of a test's own, made by OpenSSL's program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::{Certificate, Client};

use super::PATIENCE;

/// For this machine, by its name and its address, and signed with its own key.
const REQUEST: &str = "[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = localhost
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:127.0.0.1
";

/// A certificate with its key, in files.
pub(crate) struct CertificateFiles {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl CertificateFiles {
    /// Makes them in a folder, or others in their place.
    pub(crate) fn make(folder: &Path) -> Self {
        let request = folder.join("request.cnf");
        std::fs::write(&request, REQUEST).expect("written");
        let (chain, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-nodes", "-days", "2", "-config"]).arg(&request);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(&chain);
        let made = openssl.output().expect("OpenSSL; on Debian: apt-get install -y openssl");
        assert!(made.status.success(), "{made:?}");
        Self { chain, key }
    }

    /// A client that trusts this certificate and no other.
    pub(crate) fn client(&self) -> Client {
        let certificate = std::fs::read(&self.chain).expect("read");
        let certificate = Certificate::from_pem(&certificate).expect("a certificate");
        let client = Client::builder().timeout(PATIENCE).connect_timeout(Duration::from_secs(5));
        client.tls_certs_only([certificate]).tls_info(true).build().expect("a client")
    }
}
