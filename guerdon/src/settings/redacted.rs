//! What of a secret may be shown: enough to see which server it is about.

use super::Setting;

/// In place of what isn't shown.
const HIDDEN: &str = "(not shown)";

impl Setting {
    /// A value as it may be shown.
    pub(super) fn shown(&self, value: &str) -> String {
        if !self.is_secret() {
            return value.to_owned();
        }
        if value == "memory:" || value.starts_with("sqlite:") {
            return value.to_owned();
        }
        if let Some((scheme, rest)) = value.split_once("://") {
            return format!("{scheme}://{}", place(rest));
        }
        // A property of Kafka's.
        match value.split_once('=') {
            Some((name, _)) => format!("{name}={HIDDEN}"),
            None => HIDDEN.into(),
        }
    }
}

/// Host, port and path of a URL, without the user before them and the parameters after. A password
/// may have an `@` in it; where a `?` stands before one, there is no saying what is a part of it.
fn place(rest: &str) -> String {
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (place, parameters) = rest.split_at(end);
    if parameters.contains('@') {
        return HIDDEN.into();
    }
    let place = match place.rsplit_once('@') {
        Some((_, place)) => format!("{HIDDEN}@{place}"),
        None => place.to_owned(),
    };
    if parameters.is_empty() { place } else { format!("{place}?{HIDDEN}") }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn a_secret_shows_its_server_and_nothing_else() {
        let settings = super::super::all(&crate::Cli::command());
        let shown = |key: &str, value: &str| {
            settings.iter().find(|it| it.key == key).expect(key).shown(value)
        };
        for (key, value, is_shown) in [
            (
                "store",
                "postgres://ann:hunter2@db:5432/points",
                "postgres://(not shown)@db:5432/points",
            ),
            ("store", "postgres://ann:hun@ter2@db/points", "postgres://(not shown)@db/points"),
            ("store", "postgres://db/points?password=hunter2", "postgres://db/points?(not shown)"),
            ("store", "postgres://a,b/points?password=hunter@2", "postgres://(not shown)"),
            ("store", "postgres://ann:hun?ter@db/points", "postgres://(not shown)"),
            (
                "store",
                "kurrentdb://ann:hunter2@h:1?log=main",
                "kurrentdb://(not shown)@h:1?(not shown)",
            ),
            ("store", "sqlite:a/log.sqlite", "sqlite:a/log.sqlite"),
            ("store", "memory:", "memory:"),
            ("store", "hunter2", "(not shown)"),
            ("kafka-property", "sasl.password=hunter2", "sasl.password=(not shown)"),
            ("listen", "127.0.0.1:8080", "127.0.0.1:8080"),
        ] {
            assert_eq!(shown(key, value), is_shown);
        }
    }
}
