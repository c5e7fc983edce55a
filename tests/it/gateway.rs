//! GatewayService: how the gateway itself is doing.

use corefy_gateway::{pb, sandbox::faults::Fault};
use url::Url;

use crate::support::{
    app::{TestApp, closed_port},
    database::TestDatabase,
};

crate::on_both!(
    a_connection_that_works_is_told_with_its_latency,
    an_unreachable_corefy_is_an_answer,
    wrong_credentials_are_an_answer,
    a_corefy_in_trouble_is_an_answer,
);

async fn a_connection_that_works_is_told_with_its_latency(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (true, true, 200));
    assert_eq!(found.message, "Corefy accepted the credentials.");
    let latency = found.latency.unwrap();
    assert!(latency.seconds > 0 || latency.nanos > 0);
}

async fn an_unreachable_corefy_is_an_answer(database: TestDatabase) {
    let nobody = Url::parse(&format!("http://{}", closed_port().await)).unwrap();
    let app = TestApp::start_with(database, None, |config| config.upstream.base_url = nobody).await;
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (false, false, 0));
    assert_eq!(found.message, "Nothing was sent: no connection: nobody listens there.");
}

async fn wrong_credentials_are_an_answer(database: TestDatabase) {
    let app = TestApp::start_with(database, None, |config| config.upstream.secret_key = "another".into()).await;
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (true, false, 401));
    assert_eq!(found.message, "Corefy answered HTTP 401.");
}

async fn a_corefy_in_trouble_is_an_answer(database: TestDatabase) {
    let app = TestApp::start(database).await;
    app.sandbox.faults().fail_next(1, "GET", "/v1/payment-methods/supported", Fault::Http(503));
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (true, false, 503));
    app.sandbox.faults().fail_next(1, "GET", "/v1/payment-methods/supported", Fault::DropBefore);
    let found = test_connection(&app).await;
    assert_eq!((found.reachable, found.authenticated, found.http_status), (false, false, 0));
    assert!(found.message.starts_with("Corefy did not answer: "), "{}", found.message);
}

async fn test_connection(app: &TestApp) -> pb::TestConnectionResponse {
    app.client().await.test_connection(pb::TestConnectionRequest {}).await.unwrap().into_inner()
}
