//! The one way in which this program calls over HTTP: a ledger, and the issuer of tokens.

use reqwest::redirect::Policy;
use reqwest::{Client, Response};

/// A client that sends keys to the address that it is given and nowhere else: neither to a proxy
/// from the environment nor after a redirect. How long an answer may take is each request's to say.
pub(crate) fn http_client() -> reqwest::Result<Client> {
    let client = || Client::builder().no_proxy().redirect(Policy::none());
    // A machine without certificates can still call without TLS.
    client().build().or_else(|_| client().tls_certs_only([]).build())
}

/// The body of an answer; nothing where it has more bytes than it may have: whoever is called may
/// send without an end.
pub(crate) async fn body_within(
    most: usize,
    mut answer: Response,
) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = vec![];
    while let Some(part) = answer.chunk().await? {
        body.extend_from_slice(&part);
        if body.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(body))
}
