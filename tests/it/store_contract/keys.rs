//! Partners and their API keys.

use corefy_gateway::domain::{
    api_key::{ApiKey, Scope},
    ids::PartnerId,
    key_pair::PublicKey,
    network,
    randomness::Randomness,
};

use super::objects::{NOW, acme, after, other};
use crate::{on_both, support::database::TestDatabase};

on_both![
    a_partner_is_found_by_its_name_and_its_short_name_is_given_once,
    a_key_reads_back_as_it_was_written,
    a_key_is_revoked_once,
    keys_are_listed_oldest_first_and_by_partner,
];

fn key(partner: &PartnerId, name: &str, second: i64) -> ApiKey {
    ApiKey {
        id: PublicKey::generate(partner, &Randomness::system()),
        partner_id: partner.clone(),
        name: name.to_owned(),
        secret_hash: vec![0, 1, 255],
        previous_secret_hash: None,
        previous_expires_at: None,
        scopes: vec![Scope::Read, Scope::Refunds],
        allowed: vec![network::parse("10.0.0.0/8").unwrap(), network::parse("2001:db8::/32").unwrap()],
        expires_at: Some(after(3600)),
        revoked_at: None,
        last_used_at: None,
        created_at: after(second),
    }
}

async fn a_partner_is_found_by_its_name_and_its_short_name_is_given_once(database: TestDatabase) {
    let store = database.store().await;
    let mut tx = store.begin().await.unwrap();
    assert!(tx.partner_insert(&acme(), "Acme GmbH", NOW).await.unwrap());
    assert!(!tx.partner_insert(&acme(), "Acme AG", NOW).await.unwrap(), "the short name is taken");
    assert_eq!(tx.partner_named("Acme GmbH").await.unwrap(), Some(acme()));
    assert_eq!(tx.partner_named("Acme AG").await.unwrap(), None);
    tx.commit().await.unwrap();
}

async fn a_key_reads_back_as_it_was_written(database: TestDatabase) {
    let store = database.store().await;
    let bare = ApiKey { scopes: Vec::new(), allowed: Vec::new(), expires_at: None, ..key(&acme(), "bare", 0) };
    let mut tx = store.begin().await.unwrap();
    tx.partner_insert(&acme(), "Acme", NOW).await.unwrap();
    for written in [key(&acme(), "full", 0), bare] {
        tx.api_key_insert(&written).await.unwrap();
        let read = tx.api_key(&written.id).await.unwrap().unwrap();
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        tx.api_key_used(&written.id, after(60)).await.unwrap();
        assert_eq!(tx.api_key(&written.id).await.unwrap().unwrap().last_used_at, Some(after(60)));
    }
    assert!(tx.api_key(&PublicKey::generate(&acme(), &Randomness::system())).await.unwrap().is_none());
}

async fn a_key_is_revoked_once(database: TestDatabase) {
    let store = database.store().await;
    let (one, two) = (key(&acme(), "one", 0), key(&acme(), "two", 1));
    let mut tx = store.begin().await.unwrap();
    tx.partner_insert(&acme(), "Acme", NOW).await.unwrap();
    tx.api_key_insert(&one).await.unwrap();
    tx.api_key_insert(&two).await.unwrap();
    assert!(tx.api_key_revoke(&one.id, after(1)).await.unwrap());
    assert!(!tx.api_key_revoke(&one.id, after(2)).await.unwrap(), "it is revoked already");
    assert!(
        !tx.api_key_revoke(&PublicKey::generate(&acme(), &Randomness::system()), NOW).await.unwrap(),
        "there is no such key"
    );
    assert_eq!(tx.api_key(&one.id).await.unwrap().unwrap().revoked_at, Some(after(1)));
    assert_eq!(tx.api_key(&two.id).await.unwrap().unwrap().revoked_at, None);
}

async fn keys_are_listed_oldest_first_and_by_partner(database: TestDatabase) {
    let store = database.store().await;
    let mut tx = store.begin().await.unwrap();
    for partner in [acme(), other()] {
        tx.partner_insert(&partner, partner.as_str(), NOW).await.unwrap();
    }
    for (partner, name, second) in [(acme(), "third", 3), (other(), "second", 2), (acme(), "first", 1)] {
        tx.api_key_insert(&key(&partner, name, second)).await.unwrap();
    }
    let names = |keys: Vec<ApiKey>| keys.into_iter().map(|key| key.name).collect::<Vec<_>>();
    assert_eq!(names(tx.api_keys(None).await.unwrap()), ["first", "second", "third"]);
    assert_eq!(names(tx.api_keys(Some(&acme())).await.unwrap()), ["first", "third"]);
    assert!(tx.api_keys(Some(&PartnerId::parse("nobody").unwrap())).await.unwrap().is_empty());
}
