//! Partners and their API keys.

use corefy_gateway::{
    domain::{
        api_key::{ApiKey, Scope},
        ids::PartnerId,
        key_pair::PublicKey,
        network,
        randomness::Randomness,
    },
    store::{Change, Conflict, Store},
};

use super::objects::{acme, after, commit, conflict, new_partner, other};
use crate::{on_three, support::database::TestDatabase};

on_three![
    a_partner_is_found_by_its_name_and_its_short_name_is_given_once,
    a_key_reads_back_as_it_was_written,
    a_key_is_revoked_once,
    a_key_is_rotated_to_a_secret_once_and_while_it_is_good,
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

fn new_key(key: &ApiKey) -> Change {
    Change::NewApiKey(Box::new(key.clone()))
}

async fn stored(store: &Store, id: &PublicKey) -> Option<ApiKey> {
    store.read().await.unwrap().api_key(id).await.unwrap()
}

async fn a_partner_is_found_by_its_name_and_its_short_name_is_given_once(database: TestDatabase) {
    let store = database.store().await;
    commit(&store, [new_partner(&acme(), "Acme GmbH")]).await.unwrap();
    let short_name = commit(&store, [new_partner(&acme(), "Acme AG")]).await;
    assert_eq!(conflict(short_name), Conflict::PartnerTaken);
    let name = commit(&store, [new_partner(&other(), "Acme GmbH")]).await;
    assert_eq!(conflict(name), Conflict::PartnerTaken);
    let mut session = store.read().await.unwrap();
    assert_eq!(session.partner_named("Acme GmbH").await.unwrap(), Some(acme()));
    assert_eq!(session.partner_named("Acme AG").await.unwrap(), None);
}

async fn a_key_reads_back_as_it_was_written(database: TestDatabase) {
    let store = database.store().await;
    let bare = ApiKey { scopes: Vec::new(), allowed: Vec::new(), expires_at: None, ..key(&acme(), "bare", 0) };
    commit(&store, [new_partner(&acme(), "Acme")]).await.unwrap();
    for written in [key(&acme(), "full", 0), bare] {
        commit(&store, [new_key(&written)]).await.unwrap();
        let read = stored(&store, &written.id).await.unwrap();
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        commit(&store, [Change::ApiKeyUsed(written.id.clone(), after(60))]).await.unwrap();
        assert_eq!(stored(&store, &written.id).await.unwrap().last_used_at, Some(after(60)));
        assert_eq!(conflict(commit(&store, [new_key(&written)]).await), Conflict::KeyChanged, "it is there already");
    }
    let nobody = PublicKey::generate(&acme(), &Randomness::system());
    assert!(stored(&store, &nobody).await.is_none());
    commit(&store, [Change::ApiKeyUsed(nobody, after(60))]).await.unwrap();
}

async fn a_key_is_revoked_once(database: TestDatabase) {
    let store = database.store().await;
    let (one, two) = (key(&acme(), "one", 0), key(&acme(), "two", 1));
    commit(&store, [new_partner(&acme(), "Acme"), new_key(&one), new_key(&two)]).await.unwrap();
    let revoke = async |id: &PublicKey, second| commit(&store, [Change::RevokeApiKey(id.clone(), after(second))]).await;
    revoke(&one.id, 1).await.unwrap();
    assert_eq!(conflict(revoke(&one.id, 2).await), Conflict::KeyChanged, "it is revoked already");
    assert_eq!(
        conflict(revoke(&PublicKey::generate(&acme(), &Randomness::system()), 0).await),
        Conflict::KeyChanged,
        "there is no such key"
    );
    assert_eq!(stored(&store, &one.id).await.unwrap().revoked_at, Some(after(1)));
    assert_eq!(stored(&store, &two.id).await.unwrap().revoked_at, None);
}

async fn a_key_is_rotated_to_a_secret_once_and_while_it_is_good(database: TestDatabase) {
    let store = database.store().await;
    let key = key(&acme(), "one", 0);
    commit(&store, [new_partner(&acme(), "Acme"), new_key(&key)]).await.unwrap();
    let rotate = async |secret_hash, second| {
        let (id, overlap_until) = (key.id.clone(), after(second + 60));
        commit(&store, [Change::RotateApiKey { id, secret_hash, overlap_until, rotated_at: after(second) }]).await
    };
    rotate([1; 32], 10).await.unwrap();
    assert_eq!(conflict(rotate([1; 32], 11).await), Conflict::KeyChanged, "it has the secret already");
    let read = stored(&store, &key.id).await.unwrap();
    assert_eq!((read.secret_hash, read.previous_secret_hash), (vec![1; 32], Some(key.secret_hash.clone())));
    assert_eq!(read.previous_expires_at, Some(after(70)));
    assert_eq!(conflict(rotate([2; 32], 3600).await), Conflict::KeyChanged, "it has expired");
    commit(&store, [Change::RevokeApiKey(key.id.clone(), after(20))]).await.unwrap();
    assert_eq!(conflict(rotate([2; 32], 21).await), Conflict::KeyChanged, "it is revoked");
}

async fn keys_are_listed_oldest_first_and_by_partner(database: TestDatabase) {
    let store = database.store().await;
    for partner in [acme(), other()] {
        commit(&store, [new_partner(&partner, partner.as_str())]).await.unwrap();
    }
    for (partner, name, second) in [(acme(), "third", 3), (other(), "second", 2), (acme(), "first", 1)] {
        commit(&store, [new_key(&key(&partner, name, second))]).await.unwrap();
    }
    let mut session = store.read().await.unwrap();
    let names = |keys: Vec<ApiKey>| keys.into_iter().map(|key| key.name).collect::<Vec<_>>();
    assert_eq!(names(session.api_keys(None).await.unwrap()), ["first", "second", "third"]);
    assert_eq!(names(session.api_keys(Some(&acme())).await.unwrap()), ["first", "third"]);
    assert!(session.api_keys(Some(&PartnerId::parse("nobody").unwrap())).await.unwrap().is_empty());
}
