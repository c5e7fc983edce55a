//! GatewayService: how the gateway itself is doing, and what it did.

use tonic::{Request, Response, Status};

use crate::{
    app::{
        gateway::GatewayInfo,
        paging::{DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE},
    },
    domain::money::Money,
    pb,
    pb::gateway_service_server::GatewayService,
};

use super::{api_calls, events, fields, handler, handlers::Handlers, sizes::MAX_REQUEST_BYTES, timeline};

#[tonic::async_trait]
impl GatewayService for Handlers {
    async fn get_gateway_info(
        &self,
        request: Request<pb::GetGatewayInfoRequest>,
    ) -> Result<Response<pb::GetGatewayInfoResponse>, Status> {
        handler::query(request, |_, pb::GetGatewayInfoRequest {}| Some(()))?;
        let gateway_info = Some(self.app.diagnostics.get_gateway_info().into());
        Ok(Response::new(pb::GetGatewayInfoResponse { gateway_info }))
    }

    async fn test_connection(
        &self,
        request: Request<pb::TestConnectionRequest>,
    ) -> Result<Response<pb::TestConnectionResponse>, Status> {
        handler::query(request, |_, pb::TestConnectionRequest {}| Some(()))?;
        let found = self.app.diagnostics.test_connection().await;
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
        let (caller, (filter, page)) = handler::query(request, api_calls::list)?;
        let list = |page| self.app.api_calls.list_api_calls(&caller, filter.clone(), page);
        let answer = handler::page(page, list, |found| pb::ListApiCallsResponse {
            api_calls: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn get_api_call_stats(
        &self,
        request: Request<pb::GetApiCallStatsRequest>,
    ) -> Result<Response<pb::GetApiCallStatsResponse>, Status> {
        let (caller, query) = handler::query(request, api_calls::stats)?;
        let stats = self.app.api_calls.get_api_call_stats(&caller, query).await?;
        Ok(Response::new(pb::GetApiCallStatsResponse { stats: stats.into_iter().map(Into::into).collect() }))
    }

    async fn get_timeline(
        &self,
        request: Request<pb::GetTimelineRequest>,
    ) -> Result<Response<pb::GetTimelineResponse>, Status> {
        let named = handler::naming(&request.get_ref().id);
        let (caller, (of, page)) = handler::query(request, timeline::get)?;
        let list = |page| self.app.diagnostics.get_timeline(&caller, &of, page);
        let answer = handler::page(page, list, |found| pb::GetTimelineResponse {
            entries: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await.map_err(named)?)
    }
}

impl From<GatewayInfo> for pb::GatewayInfo {
    fn from(info: GatewayInfo) -> Self {
        Self {
            version: info.version.to_owned(),
            dialect: info.dialect.to_owned(),
            sandbox: info.is_sandbox,
            capabilities: info.capabilities.iter().map(|capability| capability.as_str().to_owned()).collect(),
            currencies: info.largest_amounts.into_iter().map(Into::into).collect(),
            limits: Some(limits()),
        }
    }
}

impl From<Money> for pb::AcceptedCurrency {
    fn from(largest: Money) -> Self {
        Self {
            currency: largest.currency.code().to_owned(),
            decimals: largest.currency.decimals().cast_signed(),
            max_amount: largest.to_string(),
        }
    }
}

/// The limits, from the constants by which requests are checked.
fn limits() -> pb::GatewayLimits {
    let whole = |limit: usize| i32::try_from(limit).unwrap_or(i32::MAX);
    pb::GatewayLimits {
        default_page_size: DEFAULT_PAGE_SIZE.cast_signed(),
        max_page_size: MAX_PAGE_SIZE.cast_signed(),
        max_metadata_entries: whole(fields::MAX_ENTRIES),
        max_metadata_key_length: whole(fields::MAX_KEY),
        max_metadata_value_length: whole(fields::MAX_VALUE),
        max_reference_id_length: whole(fields::MAX_REFERENCE),
        max_idempotency_key_length: whole(handler::MAX_IDEMPOTENCY_KEY),
        max_event_types: whole(events::MAX_TYPES),
        max_request_bytes: whole(MAX_REQUEST_BYTES),
    }
}
