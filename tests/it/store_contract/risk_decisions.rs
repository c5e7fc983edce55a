//! Decisions about risk.

use corefy_gateway::{
    domain::{
        clock::{Clock, Timestamp},
        hash_key::HashKey,
        ids::{CustomerId, Ids, OperationId, PartnerId, PaymentIntentId, RiskDecisionId},
        list_filters::RiskDecisionFilter,
        money::{Currency, Money},
        randomness::Randomness,
        risk::{
            action::Action,
            decision::{RiskDecision, Step},
            inputs::{CardInputs, CustomerInputs, EmailInputs, IpInputs, RiskInputs},
            outcome::{OutcomeKind, RiskOutcome},
            subject::{Dimension, SubjectHasher, SubjectId},
            velocity::Velocities,
        },
        timeline::TimelinePlace,
    },
    store::{Change, Conflict, ListPosition, Store},
};

use super::objects::{CANARY, NOW, acme, after, commit, conflict, other};
use crate::{
    on_three,
    support::database::{TestDatabase, master_key_text},
};

on_three![
    a_decision_reads_back_for_its_partner_only,
    a_decision_is_written_once,
    a_decision_shows_nothing_of_what_is_sealed,
    decisions_are_listed_newest_first_by_action_and_by_payment,
    the_decisions_of_a_time_come_oldest_first,
    the_decisions_about_a_payment_come_oldest_first_after_a_place,
    decisions_and_outcomes_are_deleted_once_their_time_is_over,
];

/// An attempt of this card (a number, of a BIN), from this address, of this customer.
pub struct Attempt {
    pub card: u32,
    pub bin: &'static str,
    pub ip: u8,
    pub customer: CustomerId,
}

impl Attempt {
    /// Of a customer of its own.
    pub fn of_card(card: u32) -> Self {
        Self { card, bin: "411111", ip: 7, customer: CustomerId::generate(&Ids::system()) }
    }

    /// Its card, IP address, email address and customer.
    pub fn subjects(&self) -> Vec<SubjectId> {
        let inputs = self.decision(NOW).inputs;
        let dimensions = [Dimension::Card, Dimension::Ip, Dimension::Email, Dimension::Customer];
        dimensions.into_iter().filter_map(|dimension| inputs.subject(dimension)).collect()
    }

    /// The decision that lets it through.
    pub fn decision(&self, at: Timestamp) -> RiskDecision {
        let hasher = SubjectHasher::new(&HashKey::new(master_key_text()));
        let inputs = RiskInputs {
            payment_intent_id: Some(PaymentIntentId::generate(&Ids::system())),
            partner_id: acme(),
            amount: Some(Money::new(500, Currency::parse("USD").unwrap())),
            base_amount: Some(Money::new(500, Currency::parse("USD").unwrap())),
            payment_method_type: "card".to_owned(),
            card: Some(CardInputs {
                bin: self.bin.to_owned(),
                brand: "visa".to_owned(),
                subject: Some(hasher.card(&self.card.to_string())),
                country: None,
                funding: None,
                issuer: None,
            }),
            ip: Some(IpInputs { subject: hasher.ip([203, 0, 113, self.ip].into()), country: None, network: None }),
            email: Some(EmailInputs {
                subject: hasher.email(self.customer.as_str()),
                domain: "example.com".to_owned(),
                is_disposable: false,
            }),
            billing_country: None,
            customer: Some(CustomerInputs {
                id: self.customer.clone(),
                age_days: 0,
                successes: 0,
                declines: 0,
                chargebacks: 0,
            }),
            attempt: 1,
            is_authenticated: false,
            metadata: [("note".to_owned(), CANARY.to_owned())].into(),
            is_sandbox: true,
            at,
        };
        RiskDecision {
            id: RiskDecisionId::generate(&Ids::new(Clock::manual(at), &Randomness::system())),
            operation_id: OperationId::generate(&Ids::system()),
            rules_version: 3,
            action: Action::Allow,
            step: Step::Default,
            decided_by: String::new(),
            results: Vec::new(),
            inputs,
            velocities: Velocities::default(),
            ip_lists: Vec::new(),
            decided_at: at,
            took_micros: 80,
        }
    }
}

/// The change that adds a decision.
pub fn new_decision(decision: &RiskDecision) -> Change {
    Change::RiskDecision(Box::new(decision.clone()))
}

async fn save(store: &Store, decision: &RiskDecision) {
    commit(store, [new_decision(decision)]).await.unwrap();
}

async fn a_decision_reads_back_for_its_partner_only(database: TestDatabase) {
    let store = database.store().await;
    let decision = Attempt::of_card(1).decision(NOW);
    save(&store, &decision).await;
    let mut session = store.read().await.unwrap();
    assert_eq!(session.risk_decision(&acme(), &decision.id).await.unwrap(), Some(decision.clone()));
    assert_eq!(session.risk_decision(&other(), &decision.id).await.unwrap(), None);
    assert_eq!(session.risk_decision_any(&decision.id).await.unwrap(), Some(decision));
    let bare = RiskDecision {
        inputs: RiskInputs {
            payment_intent_id: None,
            card: None,
            ip: None,
            email: None,
            customer: None,
            ..Attempt::of_card(2).decision(NOW).inputs
        },
        ..Attempt::of_card(2).decision(NOW)
    };
    save(&store, &bare).await;
    assert_eq!(session.risk_decision(&acme(), &bare.id).await.unwrap(), Some(bare));
}

async fn a_decision_is_written_once(database: TestDatabase) {
    let store = database.store().await;
    let decision = Attempt::of_card(1).decision(NOW);
    save(&store, &decision).await;
    let again = RiskDecision { action: Action::Block, ..decision.clone() };
    assert_eq!(conflict(commit(&store, [new_decision(&again)]).await), Conflict::Stale);
    let mut session = store.read().await.unwrap();
    assert_eq!(session.risk_decision_any(&decision.id).await.unwrap(), Some(decision));
}

async fn a_decision_shows_nothing_of_what_is_sealed(database: TestDatabase) {
    let store = database.store().await;
    save(&store, &Attempt::of_card(1).decision(NOW)).await;
    store.close().await;
    let raw = database.raw().await;
    assert!(raw.windows(6).any(|window| window == b"411111"), "the row is there");
    assert!(!raw.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
}

async fn decisions_are_listed_newest_first_by_action_and_by_payment(database: TestDatabase) {
    let store = database.store().await;
    let mut all = Vec::new();
    for (second, action) in [Action::Allow, Action::Block, Action::Allow, Action::Review].into_iter().enumerate() {
        let at = after(i64::try_from(second).unwrap());
        let decision = RiskDecision { action, ..Attempt::of_card(1).decision(at) };
        save(&store, &decision).await;
        all.insert(0, decision);
    }
    let mut session = store.read().await.unwrap();
    let mut list = async |partner: PartnerId, filter: &RiskDecisionFilter, after: Option<&RiskDecision>, limit| {
        let position =
            |decision: &RiskDecision| ListPosition { moment: decision.decided_at, id: decision.id.to_string() };
        let after = after.map(position);
        session.risk_decisions(&partner, filter, after, limit).await.unwrap()
    };
    let any = RiskDecisionFilter::default();
    assert_eq!(list(acme(), &any, None, 9).await, all);
    assert_eq!(list(acme(), &any, None, 2).await, all[..2]);
    assert_eq!(list(acme(), &any, Some(&all[1]), 9).await, all[2..]);
    assert_eq!(list(other(), &any, None, 9).await, []);
    for action in [Action::Allow, Action::Block, Action::Review, Action::Request3ds] {
        let filter = RiskDecisionFilter { action: Some(action), ..any.clone() };
        let of_it: Vec<_> = all.iter().filter(|decision| decision.action == action).cloned().collect();
        assert_eq!(list(acme(), &filter, None, 9).await, of_it, "{action:?}");
    }
    let payment = all[2].inputs.payment_intent_id.clone();
    let filter = RiskDecisionFilter { payment_intent_id: payment, ..any };
    assert_eq!(list(acme(), &filter, None, 9).await, all[2..3]);
}

async fn the_decisions_of_a_time_come_oldest_first(database: TestDatabase) {
    let store = database.store().await;
    let mut all = Vec::new();
    for second in 0..5 {
        let decision = Attempt::of_card(1).decision(after(second));
        save(&store, &decision).await;
        all.push(decision);
    }
    let mut session = store.read().await.unwrap();
    assert_eq!(session.risk_decisions_since(NOW, None, 9).await.unwrap(), all);
    assert_eq!(session.risk_decisions_since(after(2), None, 2).await.unwrap(), all[2..4]);
    let place = Some(all[3].id.to_string());
    assert_eq!(session.risk_decisions_since(after(2), place, 2).await.unwrap(), all[4..]);
}

async fn the_decisions_about_a_payment_come_oldest_first_after_a_place(database: TestDatabase) {
    let store = database.store().await;
    let mut all = Vec::<RiskDecision>::new();
    for second in 0..3 {
        let mut decision = Attempt::of_card(1).decision(after(second));
        if let Some(first) = all.first() {
            decision.inputs.payment_intent_id = first.inputs.payment_intent_id.clone();
        }
        save(&store, &decision).await;
        save(&store, &Attempt::of_card(1).decision(after(second))).await;
        all.push(decision);
    }
    let payment = all[0].inputs.payment_intent_id.clone().unwrap();
    let mut session = store.read().await.unwrap();
    assert_eq!(session.risk_decisions_of(&payment, None, 9).await.unwrap(), all);
    let place = TimelinePlace::new(all[0].decided_at, false, all[0].id.as_str());
    assert_eq!(session.risk_decisions_of(&payment, Some(&place), 1).await.unwrap(), all[1..2]);
}

async fn decisions_and_outcomes_are_deleted_once_their_time_is_over(database: TestDatabase) {
    let store = database.store().await;
    let mut all = Vec::new();
    for second in 0..5 {
        let decision = Attempt::of_card(1).decision(after(second));
        let outcome = RiskOutcome::of(decision.id.clone(), OutcomeKind::Succeeded, after(second));
        save(&store, &decision).await;
        commit(&store, [Change::RiskOutcome(outcome)]).await.unwrap();
        all.push(decision);
    }
    let ids: Vec<_> = all.iter().map(|decision| decision.id.clone()).collect();
    let kept = async || {
        let mut session = store.read().await.unwrap();
        let decisions = session.risk_decisions_since(Timestamp(0), None, 9).await.unwrap();
        (decisions.len(), session.risk_outcomes(&ids).await.unwrap().len())
    };
    assert_eq!(kept().await, (5, 5));
    assert_eq!(store.delete_risk_decisions(NOW, 9).await.unwrap(), 0);
    assert_eq!(store.delete_risk_decisions(after(3), 2).await.unwrap(), 4, "two of each");
    assert_eq!(kept().await, (3, 3));
    assert_eq!(store.delete_risk_decisions(after(3), 2).await.unwrap(), 2);
    assert_eq!(store.delete_risk_decisions(after(3), 2).await.unwrap(), 0);
    assert_eq!(kept().await, (2, 2));
}
