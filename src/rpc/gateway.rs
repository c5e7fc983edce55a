//! GatewayService: how the gateway itself is doing.

use tonic::{Request, Response, Status};

use crate::{pb, pb::gateway_service_server::GatewayService};

use super::{Handlers, call};

#[tonic::async_trait]
impl GatewayService for Handlers {
    async fn test_connection(
        &self,
        request: Request<pb::TestConnectionRequest>,
    ) -> Result<Response<pb::TestConnectionResponse>, Status> {
        call::query(request, |_, pb::TestConnectionRequest {}| Some(()))?;
        let found = self.app.test_connection().await;
        Ok(Response::new(pb::TestConnectionResponse {
            reachable: found.is_reachable,
            authenticated: found.is_authenticated,
            latency: prost_types::Duration::try_from(found.latency).ok(),
            http_status: found.http_status.into(),
            message: found.message,
        }))
    }
}
