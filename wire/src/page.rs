//! Lists: so many items, and an opaque cursor to the next.

use log_record::{hex, parse_hex};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Problem;

/// The most items on a page.
pub const PAGE_ITEMS_MAX: u32 = 500;

/// The items on a page where the caller doesn't say.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;

/// A page of a list, written `{"items":[…],"next":cursor or null}`.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Sent back as `cursor`, it gives the page after this one; the last page has none.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` items. One more was asked of the database: where it came, there
    /// is a next page, which begins after the key of the last item here.
    pub fn of(mut items: Vec<T>, limit: u32, list: &str, key: impl Fn(&T) -> String) -> Self {
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| has_more).map(|last| write_cursor(list, &key(last)));
        Self { items, next }
    }
}

/// How many items a caller gets who asked for `limit`.
pub fn page_limit(limit: Option<u32>) -> Result<u32, Problem> {
    match limit.unwrap_or(PAGE_ITEMS_DEFAULT) {
        limit @ 1..=PAGE_ITEMS_MAX => Ok(limit),
        _ => {
            let complaint = format!("must be a whole number from 1 to {PAGE_ITEMS_MAX}");
            Err(Problem::invalid_query("limit", complaint))
        }
    }
}

/// The key that a cursor of the list named `list` holds.
pub fn read_cursor(list: &str, cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let complaint = "must be a cursor that this list gave, unchanged";
    open_cursor(list, cursor).map(Some).ok_or_else(|| Problem::invalid_query("cursor", complaint))
}

/// The key that a cursor holds, unless it is mangled or another list's.
#[must_use]
pub fn open_cursor(list: &str, cursor: &str) -> Option<String> {
    let (check, digits) = cursor.split_at_checked(CHECK_DIGITS)?;
    let key = parse_text(digits)?;
    (check == self::check(list, &key)).then_some(key)
}

/// Eight digits tell a mangled cursor from a whole one; they keep nothing secret.
const CHECK_DIGITS: usize = 8;

/// A text that says nothing to who gets it, of the list named `list`, with the key in it.
#[must_use]
pub fn write_cursor(list: &str, key: &str) -> String {
    check(list, key) + &hex(key.as_bytes())
}

fn check(list: &str, key: &str) -> String {
    let hash = Sha256::new().chain_update(list).chain_update([0]).chain_update(key).finalize();
    hex(&hash[..CHECK_DIGITS / 2])
}

fn parse_text(digits: &str) -> Option<String> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes =
        pairs.map(|pair| parse_hex::<1>(std::str::from_utf8(pair).ok()?).map(|[byte]| byte));
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_more_behind_it_has_a_cursor() {
        let page = Page::of(vec![1, 2, 3], 2, "numbers", ToString::to_string);
        assert_eq!(page.items, [1, 2]);
        let key = read_cursor("numbers", page.next.as_deref()).unwrap();
        assert_eq!(key.as_deref(), Some("2"));
        assert_eq!(Page::of(vec![1, 2], 2, "numbers", ToString::to_string).next, None);
    }

    #[test]
    fn a_mangled_or_foreign_cursor_is_refused() {
        let cursor = write_cursor("numbers", "ann:7");
        assert_eq!(read_cursor("numbers", Some(&cursor)).unwrap().unwrap(), "ann:7");
        let shorter = &cursor[..cursor.len() - 2];
        for mangled in ["", "zz", "é", shorter, &format!("{cursor}0"), &cursor.replace('3', "4")] {
            assert!(read_cursor("numbers", Some(mangled)).is_err(), "{mangled}");
        }
        assert!(read_cursor("letters", Some(&cursor)).is_err());
    }

    #[test]
    fn a_limit_is_1_to_500() {
        assert_eq!(page_limit(None).unwrap(), 50);
        assert_eq!(page_limit(Some(500)).unwrap(), 500);
        assert!(page_limit(Some(0)).is_err() && page_limit(Some(501)).is_err());
    }
}
