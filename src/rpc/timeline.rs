//! The timeline of a payment on the wire.

use crate::{
    app::paging::Page,
    domain::timeline::{TimelineEntry, TimelineKind, TimelineOf},
    pb,
};

use super::{fields::Fields, timestamps};

/// Reads GetTimeline.
pub(super) fn get(fields: &mut Fields, message: pb::GetTimelineRequest) -> Option<(TimelineOf, Page)> {
    let of = fields.id("id", &message.id, TimelineOf::parse, "of a payment intent or refund, pi_…, pay_… or re_…");
    let page = fields.page(message.page_size, message.page_token);
    Some((of?, page))
}

impl From<TimelineEntry> for pb::TimelineEntry {
    fn from(entry: TimelineEntry) -> Self {
        Self {
            time: Some(timestamps::wire(entry.at)),
            kind: pb::TimelineEntryKind::from(entry.kind).into(),
            sentence: entry.sentence,
            object_id: entry.ids.object,
            operation_id: entry.ids.operation,
            request_id: entry.ids.request,
            api_call_id: entry.ids.api_call,
            webhook_id: entry.ids.webhook,
            event_id: entry.ids.event,
            risk_decision_id: entry.ids.risk_decision,
        }
    }
}

impl From<TimelineKind> for pb::TimelineEntryKind {
    fn from(kind: TimelineKind) -> Self {
        match kind {
            TimelineKind::Rpc => Self::Rpc,
            TimelineKind::UpstreamCall => Self::UpstreamCall,
            TimelineKind::Webhook => Self::Webhook,
            TimelineKind::Transition => Self::Transition,
            TimelineKind::Recovery => Self::Recovery,
            TimelineKind::Risk => Self::Risk,
            TimelineKind::Pruned => Self::Pruned,
        }
    }
}
