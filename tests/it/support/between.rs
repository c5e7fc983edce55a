//! A proxy or load balancer between the gateway and Corefy: passes requests on, and may answer in Corefy's place.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{Method, Response, header},
};
use corefy_gateway::config::Config;
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use super::app::http_client;

/// An answer: HTTP status and body.
pub type PassedAnswer = (u16, Vec<u8>);

type AnswerChange = Box<dyn FnMut(&Method, &str, &PassedAnswer) -> Option<PassedAnswer> + Send>;

/// The proxy. Clones share it.
#[derive(Clone)]
pub struct Between {
    url: Url,
    shared: Arc<BetweenInner>,
}

struct BetweenInner {
    client: reqwest::Client,
    corefy: Mutex<Option<Url>>,
    change: Mutex<Option<AnswerChange>>,
}

impl Between {
    /// Starts it; it has nowhere to pass requests on to yet.
    pub async fn start() -> Self {
        let shared =
            Arc::new(BetweenInner { client: http_client(), corefy: Mutex::default(), change: Mutex::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = Router::new().fallback(pass_on).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Puts it between a gateway of these settings and its Corefy.
    pub fn stand_in(&self, config: &mut Config) {
        let corefy = std::mem::replace(&mut config.upstream.base_url, self.url.clone());
        *self.shared.corefy.lock().unwrap() = Some(corefy);
    }

    /// From now on answers of Corefy are replaced by those that `change` makes of method, path and answer.
    pub fn change(&self, change: impl FnMut(&Method, &str, &PassedAnswer) -> Option<PassedAnswer> + Send + 'static) {
        *self.shared.change.lock().unwrap() = Some(Box::new(change));
    }

    /// Answers requests of this method, whose path ends so, with this from now on.
    pub fn answer(&self, method: Method, ending: &'static str, status: u16, body: impl Into<Vec<u8>>) {
        let body = body.into();
        self.change(move |asked, path, _| (asked == method && path.ends_with(ending)).then(|| (status, body.clone())));
    }

    /// From now on these members of objects that are answered to requests of this method and path are replaced; null takes
    /// one away.
    pub fn replace(&self, method: Method, part: &'static str, members: Value) {
        self.change(move |asked, path, (status, body)| {
            let mut object: Value = serde_json::from_slice(body).ok()?;
            if asked != method || !path.contains(part) || !object.is_object() {
                return None;
            }
            for (name, value) in members.as_object().unwrap() {
                object[name] = value.clone();
            }
            Some((*status, object.to_string().into_bytes()))
        });
    }

    /// From now on it only passes on.
    pub fn step_back(&self) {
        *self.shared.change.lock().unwrap() = None;
    }
}

async fn pass_on(State(shared): State<Arc<BetweenInner>>, request: Request) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut url = shared.corefy.lock().unwrap().clone().unwrap();
    url.set_path(parts.uri.path());
    parts.headers.remove(header::HOST);
    let request = shared.client.request(parts.method.clone(), url).headers(parts.headers).body(body);
    let answer = request.send().await.unwrap();
    let answer = (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec());
    let mut change = shared.change.lock().unwrap();
    let changed = change.as_mut().and_then(|change| change(&parts.method, parts.uri.path(), &answer));
    let (status, body) = changed.unwrap_or(answer);
    Response::builder().status(status).body(Body::from(body)).unwrap()
}
