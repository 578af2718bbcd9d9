//! `GET /openapi.json`, the document of the HTTP API, and `GET /docs`, a page that shows it and can
//! make the calls. Everyone may read both.
//!
//! The page is Swagger UI, whose files are here, packed as they are sent. It loads nothing from
//! outside: its header `Content-Security-Policy` has the browser refuse that.

use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use wire::Routes;

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");
const PAGE: &str = include_str!("docs_page/page.html");
const START: &str = include_str!("docs_page/start.js");
const SCRIPT: &[u8] = include_bytes!("docs_page/swagger-ui-bundle.js.gz");
const STYLE: &[u8] = include_bytes!("docs_page/swagger-ui.css.gz");

/// What the page may load: the ledger's own files, and the pictures within its style. Swagger UI
/// sets styles of single elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// For how long a browser may keep the page's files, in seconds: they change with the version.
const KEPT: &str = "public, max-age=3600";

/// The routes.
pub(super) fn routes() -> Routes {
    Routes::new()
        .open("/openapi.json", async || (plain("application/json"), DOCUMENT))
        .open("/docs", async || (page("text/html; charset=utf-8"), PAGE))
        .open("/docs/start.js", async || (plain("text/javascript; charset=utf-8"), START))
        .open("/docs/swagger-ui-bundle.js", async || {
            (packed("text/javascript; charset=utf-8"), SCRIPT)
        })
        .open("/docs/swagger-ui.css", async || (packed("text/css; charset=utf-8"), STYLE))
}

type Header = (HeaderName, &'static str);

fn plain(kind: &'static str) -> [Header; 3] {
    [(CONTENT_TYPE, kind), (CACHE_CONTROL, KEPT), (X_CONTENT_TYPE_OPTIONS, "nosniff")]
}

fn page(kind: &'static str) -> [Header; 4] {
    let [kind, kept, as_said] = plain(kind);
    [kind, kept, as_said, (CONTENT_SECURITY_POLICY, POLICY)]
}

fn packed(kind: &'static str) -> [Header; 4] {
    let [kind, kept, as_said] = plain(kind);
    [kind, kept, as_said, (CONTENT_ENCODING, "gzip")]
}
