//! The one way in which this program calls a ledger over HTTP.

use reqwest::Client;
use reqwest::redirect::Policy;

/// A client that sends keys to the address that it is given and nowhere else: neither to a proxy
/// from the environment nor after a redirect. How long an answer may take is each request's to say.
pub(crate) fn http_client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().redirect(Policy::none()).build()
}
