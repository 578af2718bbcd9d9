//! Whose request it is where a proxy stands in front: the client's address, as proxies say it that
//! the operator trusts.
//!
//! Each proxy adds at the end whom it heard the request from. So the last entry is the last proxy's
//! word, and is believed if that one is trusted; what it heard it from is believed if that is
//! trusted, too; and so on. What stands before is whatever a client wrote.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::edge_config::{EdgeConfig, ProxyHeader};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that are trusted, and where they say for whom they ask.
#[derive(Clone, Debug)]
pub(super) struct Proxies {
    trusted: Arc<[IpNet]>,
    header: ProxyHeader,
}

impl Proxies {
    pub(super) fn new(config: &EdgeConfig) -> Self {
        Self { trusted: config.trusted_proxies.as_slice().into(), header: config.proxy_header }
    }

    /// The client's address; the last proxy's where that doesn't say it.
    pub(super) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.ip().to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ProxyHeader::Forwarded => (FORWARDED, forwarded_for),
            ProxyHeader::XForwardedFor => (X_FORWARDED_FOR, address),
        };
        let lines = headers.get_all(name).iter().rev();
        // A comma within quotes would be a client's: no proxy writes one into an address.
        let mut said = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while self.trusts(client) {
            let Some(before) = said.next().and_then(read) else { break };
            client = before.to_canonical();
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// The address in an element of `Forwarded`, such as `for="[2001:db8::1]:4711";proto=https`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    let quoted = node.strip_prefix('"').and_then(|node| node.strip_suffix('"'));
    address(quoted.unwrap_or(node))
}

/// An address with or without a port, an IPv6 one with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(header: ProxyHeader, peer: &str, lines: &[&'static str]) -> String {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()].into();
        let name = match header {
            ProxyHeader::Forwarded => FORWARDED,
            ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::from_static(line));
        }
        let peer = SocketAddr::new(peer.parse().expect("an address"), 4_711);
        Proxies { trusted, header }.client(peer, &headers).to_string()
    }

    #[test]
    fn a_client_is_whom_the_first_trusted_proxy_heard() {
        for (peer, lines, expected) in [
            ("10.0.0.1", &["203.0.113.7"][..], "203.0.113.7"),
            ("10.0.0.1", &["203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", &["203.0.113.7", "10.0.0.2,10.0.0.3"], "203.0.113.7"),
            ("10.0.0.1", &["203.0.113.7:4711"], "203.0.113.7"),
            ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("fd00::1", &["[2001:db8::1]"], "2001:db8::1"),
            ("::ffff:10.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
        ] {
            assert_eq!(client(ProxyHeader::XForwardedFor, peer, lines), expected, "{lines:?}");
        }
        for (lines, expected) in [
            (&["for=203.0.113.7"][..], "203.0.113.7"),
            (&["for=203.0.113.7;proto=https;by=10.0.0.1, For=10.0.0.2"], "203.0.113.7"),
            (&["proto=https; FOR=\"203.0.113.7:80\""], "203.0.113.7"),
            (&["for=\"[2001:db8::1]:4711\""], "2001:db8::1"),
        ] {
            assert_eq!(client(ProxyHeader::Forwarded, "10.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_a_stranger_says_is_not_believed() {
        for (peer, lines, expected) in [
            // A stranger asks by itself, or has written something in front of the proxy's word.
            ("203.0.113.7", &["10.0.0.9"][..], "203.0.113.7"),
            ("10.0.0.1", &["10.9.9.9, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", &["10.9.9.9", "203.0.113.7"], "203.0.113.7"),
            // What is no address ends it.
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, , 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(client(ProxyHeader::XForwardedFor, peer, lines), expected, "{lines:?}");
        }
        for (lines, expected) in [
            (&["for=\"10.9.9.9, for=203.0.113.7"][..], "203.0.113.7"),
            (&["for=198.51.100.1, for=_hidden"], "10.0.0.1"),
            (&["for=198.51.100.1, by=10.0.0.2"], "10.0.0.1"),
        ] {
            assert_eq!(client(ProxyHeader::Forwarded, "10.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn only_the_header_that_was_chosen_is_read() {
        let trusted = ["10.0.0.0/8".parse().unwrap()].into();
        let proxies = Proxies { trusted, header: ProxyHeader::Forwarded };
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, "203.0.113.7".parse().unwrap())]);
        let peer = "10.0.0.1:1".parse().expect("an address");
        assert_eq!(proxies.client(peer, &headers).to_string(), "10.0.0.1");
    }
}
