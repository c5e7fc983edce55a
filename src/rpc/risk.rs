//! RiskService: the rules and lists of the gateway, and the reviews of a partner's payments.

use tonic::{Request, Response, Status};

use crate::{app::risk::reviews::ReviewVerdict, domain::ids::RiskDecisionId, pb, pb::risk_service_server::RiskService};

use super::{
    handler, handlers::Handlers, risk_decisions as decisions, risk_lists as lists, risk_reviews as reviews,
    risk_rules as rules,
};

#[tonic::async_trait]
impl RiskService for Handlers {
    async fn check_rules(
        &self,
        request: Request<pb::CheckRulesRequest>,
    ) -> Result<Response<pb::CheckRulesResponse>, Status> {
        let (_, source) = handler::query(request, |fields, message| Some(rules::source(fields, message.source)))?;
        let checked = self.app.risk.check_rules(source).await;
        Ok(Response::new(rules::checked(checked)?))
    }

    async fn apply_rules(
        &self,
        request: Request<pb::ApplyRulesRequest>,
    ) -> Result<Response<pb::ApplyRulesResponse>, Status> {
        let (caller, apply) = handler::query(request, rules::apply)?;
        let applied = self.app.risk.apply_rules(apply.source, apply.expected, &apply.reason.by(&caller)).await;
        let applied = applied.map_err(|error| rules::refusal("source", error))?;
        Ok(Response::new(pb::ApplyRulesResponse { rules: Some(applied.into()) }))
    }

    async fn revert_rules(
        &self,
        request: Request<pb::RevertRulesRequest>,
    ) -> Result<Response<pb::RevertRulesResponse>, Status> {
        let (caller, revert) = handler::query(request, rules::revert)?;
        let applied = self.app.risk.revert_rules(revert.version, revert.expected, &revert.reason.by(&caller)).await;
        let applied = applied.map_err(|error| rules::refusal("version", error))?;
        Ok(Response::new(pb::RevertRulesResponse { rules: Some(applied.into()) }))
    }

    async fn get_rules(&self, request: Request<pb::GetRulesRequest>) -> Result<Response<pb::GetRulesResponse>, Status> {
        let (_, version) = handler::query(request, rules::get)?;
        let rules = match version {
            Some(version) => Some(self.app.risk.get_rules(version).await?),
            None => self.app.risk.rules_in_force().await?,
        };
        Ok(Response::new(pb::GetRulesResponse { rules: rules.map(Into::into) }))
    }

    async fn list_rules_versions(
        &self,
        request: Request<pb::ListRulesVersionsRequest>,
    ) -> Result<Response<pb::ListRulesVersionsResponse>, Status> {
        let (caller, page) =
            handler::query(request, |fields, message| Some(fields.page(message.page_size, message.page_token)))?;
        let list = |page| self.app.risk.list_rules_versions(&caller, page);
        let answer = handler::page(page, list, |found| pb::ListRulesVersionsResponse {
            rules_versions: found.items.into_iter().map(rules::without_source).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn backtest_rules(
        &self,
        request: Request<pb::BacktestRulesRequest>,
    ) -> Result<Response<pb::BacktestRulesResponse>, Status> {
        let now = self.app.payments.now();
        let (caller, (source, range)) =
            handler::query(request, |fields, message| decisions::backtest(fields, message, now))?;
        let range = decisions::of_partner(range, caller.partner_id);
        let tested = self.app.risk.backtest_rules(source, &range).await;
        let tested = tested.map_err(|error| rules::refusal("source", error))?;
        Ok(Response::new(pb::BacktestRulesResponse { backtest: Some(tested.into()) }))
    }

    async fn create_list(
        &self,
        request: Request<pb::CreateListRequest>,
    ) -> Result<Response<pb::CreateListResponse>, Status> {
        let (caller, (name, kind, reason)) = handler::query(request, lists::create)?;
        let list = self.app.risk.create_list(&name, kind, &reason.by(&caller)).await?;
        Ok(Response::new(pb::CreateListResponse { list: Some(list.into()) }))
    }

    async fn list_lists(
        &self,
        request: Request<pb::ListListsRequest>,
    ) -> Result<Response<pb::ListListsResponse>, Status> {
        handler::query(request, |_, pb::ListListsRequest {}| Some(()))?;
        let lists = self.app.risk.list_lists().await?;
        Ok(Response::new(pb::ListListsResponse { lists: lists.into_iter().map(Into::into).collect() }))
    }

    async fn add_list_entries(
        &self,
        request: Request<pb::AddListEntriesRequest>,
    ) -> Result<Response<pb::AddListEntriesResponse>, Status> {
        let (caller, (list, entries, reason)) = handler::query(request, lists::add)?;
        let added = self.app.risk.add_list_entries(&list, &entries, &reason.by(&caller)).await?;
        Ok(Response::new(pb::AddListEntriesResponse { entries: added.into_iter().map(Into::into).collect() }))
    }

    async fn remove_list_entry(
        &self,
        request: Request<pb::RemoveListEntryRequest>,
    ) -> Result<Response<pb::RemoveListEntryResponse>, Status> {
        let (caller, (list, value, reason)) = handler::query(request, lists::remove)?;
        self.app.risk.remove_list_entry(&list, &value, &reason.by(&caller)).await?;
        Ok(Response::new(pb::RemoveListEntryResponse {}))
    }

    async fn list_list_entries(
        &self,
        request: Request<pb::ListListEntriesRequest>,
    ) -> Result<Response<pb::ListListEntriesResponse>, Status> {
        let (caller, (list, page)) = handler::query(request, lists::entries)?;
        let page_of = |page| self.app.risk.list_list_entries(&caller, &list, page);
        let answer = handler::page(page, page_of, |found| pb::ListListEntriesResponse {
            entries: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn list_decisions(
        &self,
        request: Request<pb::ListDecisionsRequest>,
    ) -> Result<Response<pb::ListDecisionsResponse>, Status> {
        let (caller, (filter, page)) = handler::query(request, decisions::list)?;
        let list = |page| self.app.risk.list_decisions(&caller, filter.clone(), page);
        let answer = handler::page(page, list, |found| pb::ListDecisionsResponse {
            decisions: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn explain_decision(
        &self,
        request: Request<pb::ExplainDecisionRequest>,
    ) -> Result<Response<pb::ExplainDecisionResponse>, Status> {
        let (caller, id) = handler::query(request, |fields, message| {
            fields.id("decision_id", &message.decision_id, RiskDecisionId::parse, reviews::DECISION_ID)
        })?;
        let explanation = self.app.risk.explain_decision(Some(&caller.partner_id), &id).await?;
        Ok(Response::new(pb::ExplainDecisionResponse { explanation: Some(explanation.into()) }))
    }

    async fn list_reviews(
        &self,
        request: Request<pb::ListReviewsRequest>,
    ) -> Result<Response<pb::ListReviewsResponse>, Status> {
        let (caller, (states, page)) = handler::query(request, reviews::list)?;
        let list = |page| self.app.risk.list_reviews(&caller, &states, page);
        let answer = handler::page(page, list, |found| pb::ListReviewsResponse {
            reviews: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn approve_review(
        &self,
        request: Request<pb::ApproveReviewRequest>,
    ) -> Result<Response<pb::ApproveReviewResponse>, Status> {
        let (caller, (id, reason)) =
            handler::query(request, |fields, message| reviews::decide(fields, &message.decision_id, message.reason))?;
        let (partner, note) = (Some(&caller.partner_id), reason.by(&caller));
        let review = self.app.risk.decide_review(partner, &id, ReviewVerdict::Approve, &note).await?;
        Ok(Response::new(pb::ApproveReviewResponse { review: Some(review.into()) }))
    }

    async fn reject_review(
        &self,
        request: Request<pb::RejectReviewRequest>,
    ) -> Result<Response<pb::RejectReviewResponse>, Status> {
        let refund = request.get_ref().refund;
        let (caller, (id, reason)) =
            handler::query(request, |fields, message| reviews::decide(fields, &message.decision_id, message.reason))?;
        let (partner, note) = (&caller.partner_id, reason.by(&caller));
        let verdict = ReviewVerdict::Reject { refund };
        let mut review = self.app.risk.decide_review(Some(partner), &id, verdict, &note).await?;
        if refund {
            review = self.app.risk.refund_now(&self.app.payments, review).await?;
        }
        Ok(Response::new(pb::RejectReviewResponse { review: Some(review.into()) }))
    }
}
