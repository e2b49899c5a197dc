//! Waiting for a value in a tokio watch channel without keeping its lock, which no future may hold across an await.

use tokio::sync::watch;

/// Returns once the value is as wanted, or nobody is left to change it.
pub(super) async fn until<T>(receiver: &mut watch::Receiver<T>, is_wanted: impl FnMut(&T) -> bool) {
    drop(receiver.wait_for(is_wanted).await);
}
