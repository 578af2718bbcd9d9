//! Many calls at a time.

use tokio::task::{JoinError, JoinSet};

/// Runs `call` for every job, so many at a time as there are connections. The first error ends the
/// calls under way; what they asked for may or may not have been done.
pub(crate) async fn spread<J, R, E, F>(
    connections: usize,
    jobs: impl IntoIterator<Item = J>,
    call: impl Fn(J) -> F,
) -> Result<Vec<R>, E>
where
    R: Send + 'static,
    E: From<JoinError> + Send + 'static,
    F: Future<Output = Result<R, E>> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut answers = Vec::new();
    for job in jobs {
        if running.len() >= connections
            && let Some(ended) = running.join_next().await
        {
            answers.push(ended??);
        }
        running.spawn(call(job));
    }
    while let Some(ended) = running.join_next().await {
        answers.push(ended??);
    }
    Ok(answers)
}
