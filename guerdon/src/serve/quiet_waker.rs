//! A connection's waker that leaves out what isn't news.
//!
//! Hyper wakes a connection when its service takes a piece of a body, so that the next piece can
//! come. Where the body is whole there is none, and the connection would be run once more for each
//! request, for nothing.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

thread_local! {
    /// Set while this thread takes a piece of a body: a quiet waker wakes nobody then.
    static IS_TAKING: Cell<bool> = const { Cell::new(false) };
}

/// Wakes a task, unless its own thread wakes it while it takes what is at hand.
#[derive(Debug)]
struct QuietWaker(Waker);

impl Wake for QuietWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !IS_TAKING.get() {
            self.0.wake_by_ref();
        }
    }
}

/// The quiet waker of a task, kept from one poll to the next.
#[derive(Debug, Default)]
pub(super) struct Quiet(Option<(Waker, Waker)>);

impl Quiet {
    /// The quiet waker of this task.
    pub(super) fn waker(&mut self, context: &Context<'_>) -> &Waker {
        let task = context.waker();
        let known = self.0.take().filter(|(of, _)| of.will_wake(task));
        let made = || (task.clone(), Arc::new(QuietWaker(task.clone())).into());
        &self.0.insert(known.unwrap_or_else(made)).1
    }
}

/// Takes what is at hand, and wakes no quiet waker by that.
pub(super) fn quietly<T>(take: impl FnOnce() -> T) -> T {
    /// Ends also where taking panics.
    struct Taking;
    impl Drop for Taking {
        fn drop(&mut self) {
            IS_TAKING.set(false);
        }
    }
    IS_TAKING.set(true);
    let _taking = Taking;
    take()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_its_own_thread_leaves_a_wake_up_out_and_only_while_it_takes() {
        let counted = Arc::new(Counted::default());
        let (task, mut quiet) = (Waker::from(Arc::clone(&counted)), Quiet::default());
        let waker = quiet.waker(&Context::from_waker(&task)).clone();
        waker.wake_by_ref();
        assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        quietly(|| {
            waker.wake_by_ref();
            let other = waker.clone();
            std::thread::spawn(move || other.wake()).join().expect("it wakes");
        });
        assert_eq!(counted.0.load(Ordering::Relaxed), 2, "another thread's is news");
        waker.wake_by_ref();
        assert_eq!(counted.0.load(Ordering::Relaxed), 3);
        assert!(quiet.waker(&Context::from_waker(&task)).will_wake(&waker), "it is kept");
    }
}
