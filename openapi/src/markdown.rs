//! Markdown of `docs/reference/` as a text that stands alone.

/// The text with each link as the words that it stands on, since the page it leads to isn't there.
pub(crate) fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('[') {
        let link = rest[start + 1..].split_once("](").and_then(|(words, after)| {
            let (_, after) = after.split_once(')')?;
            (!words.contains('[') && !words.contains(']')).then_some((words, after))
        });
        plain.push_str(&rest[..start]);
        match link {
            Some((words, after)) => {
                plain.push_str(words);
                rest = after;
            }
            None => {
                plain.push('[');
                rest = &rest[start + 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_its_words() {
        let text = "with [PUT](#put-v1) and `lines[].quantity`, [`Redeem`](../CREDIT.md#spending).";
        assert_eq!(without_links(text), "with PUT and `lines[].quantity`, `Redeem`.");
    }
}
