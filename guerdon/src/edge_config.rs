//! The options about who may call from where. Each field's text is the operator's manual.

use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "tls")]
use std::path::PathBuf;

use anyhow::bail;
use axum::http::HeaderValue;
use clap::{Args, ValueEnum};
use ipnet::IpNet;

#[cfg(feature = "tls")]
use crate::command_line::path;

/// What stands between strangers and the ledger's calls.
#[derive(Args, Clone, Debug)]
pub(crate) struct EdgeConfig {
    /// Ask nobody for a key, to try the ledger out on one's own machine. A call without a key is
    /// made as an operator, or as a role that may make it. Addresses to listen on must be loopback
    /// addresses.
    #[arg(long, env = "GUERDON_NO_AUTHENTICATION")]
    pub(crate) no_authentication: bool,

    /// The web origins whose pages may call --listen from a browser (CORS), separated by commas:
    /// `https://shop.example`. Pages of other origins can't. [default: none]
    #[arg(long, env = "GUERDON_CORS_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub(crate) cors_origins: Vec<HeaderValue>,

    /// The addresses of the proxies in front, or their networks, separated by commas: 10.0.0.5,
    /// 10.1.0.0/16. Only what they say of a client's address is believed. [default: none]
    #[arg(long, env = "GUERDON_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub(crate) trusted_proxies: Vec<IpNet>,

    /// The header in which the trusted proxies say the client's address. The other one isn't read:
    /// a proxy passes on what a client wrote there.
    #[arg(long, env = "GUERDON_PROXY_HEADER", value_enum, default_value = "x-forwarded-for")]
    pub(crate) proxy_header: ProxyHeader,

    /// A file in PEM with the server's certificate and those between it and its authority. With it,
    /// the ledger speaks TLS alone. A file that changes is read again within seconds.
    #[cfg(feature = "tls")]
    #[arg(long, env = "GUERDON_TLS_CERTIFICATE", value_parser = path)]
    pub(crate) tls_certificate: Option<PathBuf>,

    /// A file in PEM with the private key of --tls-certificate.
    #[cfg(feature = "tls")]
    #[arg(long, env = "GUERDON_TLS_KEY", value_parser = path)]
    pub(crate) tls_key: Option<PathBuf>,
}

/// A header in which a proxy names the client that it speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProxyHeader {
    /// RFC 7239.
    Forwarded,
    /// The one that most proxies know.
    XForwardedFor,
}

impl EdgeConfig {
    /// Refuses to let everybody in who can reach an address from another machine.
    pub(crate) fn check(
        &self,
        listen: SocketAddr,
        operators_listen: Option<SocketAddr>,
    ) -> anyhow::Result<()> {
        // Not by clap: to it, what the configuration file says is a default.
        #[cfg(feature = "tls")]
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            bail!("--tls-certificate and --tls-key belong together: give both, or neither");
        }
        if !self.no_authentication {
            return Ok(());
        }
        let operators = operators_listen.map(|address| ("--operators-listen", address));
        for (option, address) in [("--listen", listen)].into_iter().chain(operators) {
            if !is_loopback(address.ip()) {
                bail!(
                    "--no-authentication lets in whoever reaches {option} {address}, and other \
                     machines may; start without it, so that each call needs a key, or listen on a \
                     loopback address such as 127.0.0.1:{}",
                    address.port()
                );
            }
        }
        if !self.trusted_proxies.is_empty() {
            bail!(
                "--no-authentication lets in whoever reaches the proxies of --trusted-proxies; start \
                 without one of the two"
            );
        }
        Ok(())
    }

    /// What the addresses speak.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_encrypted() { "https" } else { "http" }
    }

    /// Warns where nothing is known that keeps others from reading along, or from calling.
    pub(crate) fn warn(&self, listen: SocketAddr, operators_listen: Option<SocketAddr>) {
        if self.no_authentication {
            tracing::warn!("calls need no key: whoever is on this machine may do everything");
        }
        if self.is_encrypted() || !self.trusted_proxies.is_empty() {
            return;
        }
        for address in [listen].into_iter().chain(operators_listen) {
            if !is_loopback(address.ip()) {
                tracing::warn!(
                    %address,
                    "keys and shoppers' addresses come unencrypted over the network; give the \
                     ledger a certificate (--tls-certificate), or put a proxy in front and name it \
                     (--trusted-proxies)"
                );
            }
        }
    }

    /// Whether the ledger speaks TLS itself: it has a certificate, and a key that goes with it.
    #[cfg(feature = "tls")]
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls_certificate.is_some()
    }

    /// This build can't speak TLS.
    #[cfg(not(feature = "tls"))]
    pub(crate) fn is_encrypted(&self) -> bool {
        false
    }

    /// Files that only the ledger's user may read.
    #[cfg(feature = "tls")]
    pub(crate) fn private_files(&self) -> impl Iterator<Item = PathBuf> {
        self.tls_key.clone().into_iter()
    }

    /// Files that only the ledger's user may read.
    #[cfg(not(feature = "tls"))]
    pub(crate) fn private_files(&self) -> impl Iterator<Item = std::path::PathBuf> {
        std::iter::empty()
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// An origin as a browser writes it in its header: scheme, host and, unless it is the scheme's own,
/// port.
fn origin(text: &str) -> Result<HeaderValue, String> {
    if text == "*" {
        return Err("every page of the web would be let in; name the origins of your pages".into());
    }
    let split = text.strip_prefix("https://").map(|place| (place, ":443"));
    let split = split.or_else(|| text.strip_prefix("http://").map(|place| (place, ":80")));
    let is_host =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    match split {
        Some((place, port)) if place.ends_with(port) => {
            Err(format!("a browser leaves {port} out; leave it out here, too"))
        }
        Some((place, _)) if !place.is_empty() && place.bytes().all(is_host) => {
            text.parse().map_err(|_| "it can't stand in a header".into())
        }
        _ => {
            Err("an origin is https://HOST or https://HOST:PORT in lower case, without a path and \
                  without a slash at its end"
                .into())
        }
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<IpAddr>().map(IpNet::from).ok();
    text.parse().ok().or_else(one).ok_or_else(|| {
        "it is neither an IP address nor a network such as 10.1.0.0/16 or fd00::/8".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_says_and_nothing_else() {
        for text in ["https://shop.example", "http://localhost:3000", "https://[::1]:8443"] {
            assert_eq!(origin(text).expect(text), text);
        }
        for text in [
            "*",
            "null",
            "",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://Shop.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://ann@shop.example",
            "https://*.example",
            "https://shop.example\n",
        ] {
            origin(text).expect_err(text);
        }
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        for (text, inside, outside) in [
            ("10.0.0.5", "10.0.0.5", "10.0.0.6"),
            ("10.1.0.0/16", "10.1.255.1", "10.2.0.1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::1", "::1", "::2"),
        ] {
            let network = network(text).expect(text);
            assert!(network.contains(&inside.parse::<IpAddr>().unwrap()), "{text} {inside}");
            assert!(!network.contains(&outside.parse::<IpAddr>().unwrap()), "{text} {outside}");
        }
        for text in ["", "10.0.0.0/33", "proxy", "10.0.0.5:80", "10.0.0"] {
            network(text).expect_err(text);
        }
    }
}
