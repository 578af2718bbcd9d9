//! One lookup for all who ask: what was found is told again for a moment, and a lookup that has
//! begun is waited for by everybody and ended by nobody's leaving.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long what was found is told again.
const KEPT_FOR: Duration = Duration::from_millis(250);

/// What was found, and when; nothing while it is being looked up.
type Found<T> = Option<(Instant, T)>;

/// What is looked up for all.
#[derive(Debug)]
pub(super) struct Lookup<T>(Mutex<Option<watch::Receiver<Found<T>>>>);

impl<T: Clone + Send + Sync + 'static> Lookup<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// What was found a moment ago, or is found now; nothing if looking it up failed.
    pub(super) async fn get(&self, look: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let mut found = self.begun(look);
        let found = found.wait_for(Option::is_some).await.ok()?;
        found.as_ref().map(|(_, found)| found.clone())
    }

    /// The lookup that runs or has ended a moment ago, or a new one.
    fn begun(&self, look: impl Future<Output = T> + Send + 'static) -> watch::Receiver<Found<T>> {
        let mut last = self.0.lock();
        let is_fresh = |last: &&watch::Receiver<Found<T>>| match &*last.borrow() {
            Some((at, _)) => at.elapsed() < KEPT_FOR,
            // It runs as long as there is somebody to tell.
            None => last.has_changed().is_ok(),
        };
        if let Some(last) = last.as_ref().filter(is_fresh) {
            return last.clone();
        }
        let (tell, found) = watch::channel(None);
        tokio::spawn(async move {
            let found = look.await;
            tell.send_replace(Some((Instant::now(), found)));
        });
        *last = Some(found.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const TAKES: Duration = Duration::from_millis(200);

    /// A lookup that counts how often it is made.
    fn look(made: &Arc<AtomicUsize>) -> impl Future<Output = usize> + Send + use<> {
        let made = Arc::clone(made);
        async move {
            let number = made.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::time::sleep(TAKES).await;
            number
        }
    }

    #[tokio::test]
    async fn whoever_leaves_ends_nobodys_lookup() {
        let (lookup, made) = (Lookup::new(), Arc::new(AtomicUsize::new(0)));
        let impatient = tokio::time::timeout(TAKES / 2, lookup.get(look(&made)));
        impatient.await.expect_err("it isn't found yet");
        assert_eq!(lookup.get(look(&made)).await, Some(1), "the first is still looked up");
        tokio::time::sleep(KEPT_FOR).await;
        assert_eq!(lookup.get(look(&made)).await, Some(2));
    }

    #[tokio::test]
    async fn a_lookup_that_fails_is_made_again() {
        let lookup = Lookup::new();
        let fails = async { "two".parse().expect("a number") };
        assert_eq!(lookup.get(fails).await, None);
        assert_eq!(lookup.get(async { 2 }).await, Some(2));
    }
}
