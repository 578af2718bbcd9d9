//! The one way in which this program calls over HTTP: a ledger, and the issuer of tokens.

use reqwest::Client;
use reqwest::redirect::Policy;

/// A client that sends keys to the address that it is given and nowhere else: neither to a proxy
/// from the environment nor after a redirect. How long an answer may take is each request's to say.
pub(crate) fn http_client() -> reqwest::Result<Client> {
    let client = || Client::builder().no_proxy().redirect(Policy::none());
    // A machine without certificates can still call without TLS.
    client().build().or_else(|_| client().tls_certs_only([]).build())
}
