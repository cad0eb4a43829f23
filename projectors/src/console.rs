//! What query-api's console needs of projectors: somebody who looks around, and somebody who carries out what operators ask
//! for. Both meet the console in tables alone, because query-api has no right to change a read model and no master key.

pub mod look_out;
pub mod orders;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::error;

use self::orders::Hands;

/// Serves the console until shutdown. Hands without an owner leave orders that need one to other processes.
pub(crate) async fn serve(hands: Hands, shutdown: CancellationToken) {
    let (source, pool) = (hands.source.clone(), hands.pool.clone());
    // Tasks of their own: should one of them panic, the other goes on.
    let mut both = JoinSet::new();
    both.spawn({
        let shutdown = shutdown.clone();
        async move { look_out::keep_looking(&source, &pool, &shutdown).await }
    });
    both.spawn(async move { orders::keep_taking(hands, &shutdown).await });
    while let Some(ended) = both.join_next().await {
        if let Err(error) = ended {
            error!(%error, "a part of what serves the console has ended too early");
        }
    }
}
