//! The name that somebody meant who wrote another one.

use strsim::damerau_levenshtein;

/// The nearest of some names, unless none is near: at most a third of its letters differ.
pub(super) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips = |known: &str| damerau_levenshtein(name, known);
    let nearest = names.into_iter().min_by_key(|known| slips(known))?;
    (slips(nearest) * 3 <= nearest.chars().count()).then_some(nearest)
}

/// The end of a complaint about an unknown name.
pub(super) fn hint<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, names).map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_with_the_fewest_slips() {
        let names = ["listen", "operators-listen", "data-dir", "role"];
        for (name, meant) in [
            ("lisen", Some("listen")),
            ("lsiten", Some("listen")),
            ("data_dir", Some("data-dir")),
            ("operator-listen", Some("operators-listen")),
            ("rule", Some("role")),
            ("port", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, names), meant, "{name}");
        }
    }
}
