//! `try --all`: the acceptance test of a gateway, as a partner runs it.

use std::{collections::BTreeSet, net::SocketAddr};

use crate::support::{app::TestApp, contract::methods, database::TestDatabase, program::output};

crate::on_both!(
    every_call_is_made_and_the_table_says_what_came_of_each,
    every_check_goes_as_expected_in_the_commerce_api,
    what_a_key_may_not_do_is_in_the_table_and_fails_the_test,
);

/// Runs it against the gateway at `target`; answers with the exit code and all that it said.
async fn try_all(target: SocketAddr, key: String) -> (Option<i32>, String) {
    let trying = move || {
        let directory = tempfile::tempdir().unwrap();
        let target = format!("http://{target}");
        let variables = [("GATEWAY_TARGET", target.as_str()), ("GATEWAY_API_KEY", key.as_str())];
        output(directory.path(), &["try", "--all"], &variables)
    };
    let tried = tokio::task::spawn_blocking(trying).await.unwrap();
    (tried.status.code(), String::from_utf8(tried.stdout).unwrap() + str::from_utf8(&tried.stderr).unwrap())
}

/// The rows of the table: the call, and all that stands behind it.
fn rows(said: &str) -> Vec<(&str, &str)> {
    let table = said.lines().skip_while(|line| !line.starts_with("rpc ")).skip(1);
    table.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(' ')).collect()
}

/// Whether a call is one of a partner's: the rules are the whole gateway's, and a test must not change them.
fn is_a_partners(method: &&prost_reflect::MethodDescriptor) -> bool {
    method.parent_service().name() != "RiskService"
}

async fn every_call_is_made_and_the_table_says_what_came_of_each(database: TestDatabase) {
    let app = TestApp::start_running(database).await;
    let (code, said) = try_all(app.server.grpc_addr, app.key().to_owned()).await;
    assert_eq!(code, Some(0), "{said}");
    let rows = rows(&said);
    let made: BTreeSet<_> = rows.iter().map(|(call, _)| (*call).to_owned()).collect();
    let all: BTreeSet<_> = methods().iter().filter(is_a_partners).map(|method| method.name().to_owned()).collect();
    assert_eq!(made, all, "{said}");
    assert!(rows.iter().all(|(_, rest)| rest.contains("  ok  ") && rest.ends_with(" ms")), "{said}");
}

async fn every_check_goes_as_expected_in_the_commerce_api(database: TestDatabase) {
    let app = TestApp::start_commerce_running(database).await;
    let (code, said) = try_all(app.server.grpc_addr, app.key().to_owned()).await;
    assert_eq!(code, Some(0), "{said}");
    let skipped: Vec<_> = rows(&said).into_iter().filter(|(_, rest)| !rest.contains("  ok  ")).collect();
    assert!(matches!(skipped[..], [("CreatePaymentMethod", _)]), "{said}");
}

async fn what_a_key_may_not_do_is_in_the_table_and_fails_the_test(database: TestDatabase) {
    use corefy_gateway::domain::api_key::Scope;
    use secrecy::ExposeSecret as _;

    let app = TestApp::start_running(database).await;
    let reader = app.new_key(|key| key.scopes = vec![Scope::Read]).await.expose_secret().to_owned();
    let (code, said) = try_all(app.server.grpc_addr, reader).await;
    assert_eq!(code, Some(1), "{said}");
    let rows = rows(&said);
    let created = rows.iter().find(|(call, _)| *call == "CreatePaymentIntent").unwrap();
    assert!(created.1.contains("FAILED: PermissionDenied SCOPE_MISSING"), "{said}");
    assert!(rows.iter().any(|(call, rest)| *call == "ListCustomers" && rest.contains("  ok  ")), "{said}");
}
