//! GatewayService: how the gateway itself is doing, and what it did.

use tonic::{Request, Response, Status};

use crate::{pb, pb::gateway_service_server::GatewayService};

use super::{Handlers, api_calls, call, timeline};

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

    async fn list_api_calls(
        &self,
        request: Request<pb::ListApiCallsRequest>,
    ) -> Result<Response<pb::ListApiCallsResponse>, Status> {
        let (caller, (filter, page)) = call::query(request, api_calls::list)?;
        let list = |page| self.app.list_api_calls(&caller, filter.clone(), page);
        let answer = call::page(page, list, |found| pb::ListApiCallsResponse {
            api_calls: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn get_api_call_stats(
        &self,
        request: Request<pb::GetApiCallStatsRequest>,
    ) -> Result<Response<pb::GetApiCallStatsResponse>, Status> {
        let (caller, query) = call::query(request, api_calls::stats)?;
        let stats = self.app.get_api_call_stats(&caller, query).await?;
        Ok(Response::new(pb::GetApiCallStatsResponse { stats: stats.into_iter().map(Into::into).collect() }))
    }

    async fn get_timeline(
        &self,
        request: Request<pb::GetTimelineRequest>,
    ) -> Result<Response<pb::GetTimelineResponse>, Status> {
        let named = call::naming(&request.get_ref().id);
        let (caller, (of, page)) = call::query(request, timeline::get)?;
        let list = |page| self.app.get_timeline(&caller, &of, page);
        let answer = call::page(page, list, |found| pb::GetTimelineResponse {
            entries: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await.map_err(named)?)
    }
}
