//! The pages behind a problem's `type`: `GET /problems/{slug}` explains a code.
//!
//! They are open to everyone, and plain text: a person reads them, having followed a link.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::http::StatusCode;

use crate::problem_vocabulary::SHARED_PROBLEM_PAGES;
use crate::{PathId, Problem, Routes};

/// What a problem's code means, whatever the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemPage {
    /// The status that the problem is answered with.
    pub status: StatusCode,
    /// The problem's code: kebab-case, and the last segment of the page's address.
    pub slug: &'static str,
    /// A few words, without a full stop.
    pub title: &'static str,
    /// When this is answered, in full sentences.
    pub meaning: &'static str,
    /// What a client does about it, in full sentences.
    pub remedy: &'static str,
    /// What a shop may tell its shopper, in full sentences without a word of this ledger's.
    pub shopper: &'static str,
    /// Whether the very same request can succeed at another time.
    pub can_succeed_later: bool,
}

/// What a shopper may be told where the shop's own program made a mistake.
pub const OUR_MISTAKE: &str = "Something went wrong on our side. No points were used.";

/// What a shopper may be told where the same request can succeed in a moment.
pub const TRY_AGAIN: &str = "We are very busy at the moment. Please try again in a moment.";

/// What a shopper may be told where nobody knows yet whether the request was recorded.
pub const BEING_CHECKED: &str =
    "We can't tell yet whether this worked. Please wait a moment; we are checking it.";

/// Routes for the pages of both APIs' own problems and of `further` ones, such as the domain's
/// refusals: `GET /problems` lists them and `GET /problems/{slug}` shows one. Where two pages have
/// the same slug, the first is shown.
pub fn problem_pages(further: impl IntoIterator<Item = ProblemPage>) -> Routes {
    let mut pages: Vec<ProblemPage> = Vec::new();
    for page in SHARED_PROBLEM_PAGES.iter().copied().chain(further) {
        if pages.iter().all(|known| known.slug != page.slug) {
            pages.push(page);
        }
    }
    let pages: Arc<[ProblemPage]> = pages.into();
    let listed = list(&pages);
    Routes::new()
        .open("/problems", async || listed)
        .open("/problems/{slug}", async move |PathId(slug)| show(&pages, slug))
}

impl ProblemPage {
    /// The page's text.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { status, slug, title, meaning, remedy, shopper, .. } = self;
        let status = status.as_u16();
        let later = if self.can_succeed_later { "can" } else { "can't" };
        format!(
            "{title}\n\ncode: {slug}\nstatus: {status}\n\n{meaning}\n\n\
             The same request {later} succeed later.\n\n{remedy}\n\n\
             The shopper may be told: {shopper}\n"
        )
    }
}

fn list(pages: &[ProblemPage]) -> String {
    let mut text = String::from("All problems of this process, by code:\n\n");
    for ProblemPage { slug, title, .. } in pages {
        // Writing to a text can't fail.
        let _ = writeln!(text, "/problems/{slug}: {title}");
    }
    text
}

fn show(pages: &[ProblemPage], slug: String) -> Result<String, Problem> {
    let page = pages.iter().find(|page| page.slug == slug);
    page.map(ProblemPage::text).ok_or_else(|| {
        Problem::not_found("No problem has this code. GET /problems lists all of them.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_request::get;

    const SOLD_OUT: ProblemPage = ProblemPage {
        status: StatusCode::CONFLICT,
        slug: "sold-out",
        title: "Sold out",
        meaning: "Nothing is left of the offer.",
        remedy: "Offer something else, or ask again when stock was added.",
        shopper: "Sold out.",
        can_succeed_later: true,
    };

    fn router() -> axum::Router {
        problem_pages([SOLD_OUT]).finish()
    }

    #[tokio::test]
    async fn a_page_says_what_it_means_and_what_to_do() {
        let answer = get("/problems/sold-out").send(router()).await;
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(
            answer.text(),
            "Sold out\n\ncode: sold-out\nstatus: 409\n\nNothing is left of the offer.\n\n\
             The same request can succeed later.\n\n\
             Offer something else, or ask again when stock was added.\n\n\
             The shopper may be told: Sold out.\n"
        );
    }

    #[tokio::test]
    async fn the_shared_problems_have_pages_too_and_all_are_listed() {
        let page = get("/problems/invalid-field").send(router()).await;
        assert_eq!(page.status, StatusCode::OK);
        let list = get("/problems").send(router()).await.text();
        assert!(
            list.contains("/problems/invalid-field: ") && list.contains("/problems/sold-out: ")
        );
    }

    #[tokio::test]
    async fn an_unknown_code_is_a_problem_itself() {
        get("/problems/sold-in").send(router()).await.is_problem(404, "not-found");
    }
}
