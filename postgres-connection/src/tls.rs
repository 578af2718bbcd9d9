//! The certificates that a server is checked against.

use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::PostgresError;

/// Where the certificates are that say who may answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// The operating system's.
    System,
    /// A file in PEM.
    File(PathBuf),
}

/// What tokio-postgres encrypts with. Where nothing is encrypted it is never asked, and holds
/// nothing.
pub(crate) fn connector(roots: Option<&Roots>) -> Result<MakeRustlsConnect, PostgresError> {
    let mut store = RootCertStore::empty();
    let failed =
        |file: &PathBuf, why: String| PostgresError::Certificates { file: file.clone(), why };
    match roots {
        None => {}
        Some(Roots::System) => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(failed(&"system".into(), "the system has none".into()));
            }
        }
        Some(Roots::File(file)) => {
            let read = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| failed(file, error.to_string()))?;
            for certificate in read {
                store.add(certificate).map_err(|error| failed(file, error.to_string()))?;
            }
            if store.is_empty() {
                return Err(failed(file, "it holds no certificate".into()));
            }
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&PathBuf::new(), error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
