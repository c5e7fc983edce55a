//! The gateway itself: the connection test.

use super::App;
use crate::upstream::Connection;

impl App {
    /// Calls Corefy once. That it cannot be reached is an answer.
    pub async fn test_connection(&self) -> Connection {
        self.upstream.test_connection().await
    }
}
