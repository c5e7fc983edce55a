//! The network between the gateways and Corefy: a call of a function, by which every request is noted, and may meet its fate.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use corefy_gateway::{
    sandbox::Sandbox,
    store::StoreGate as _,
    upstream::{
        NotSent,
        transport::{HttpFailure, HttpResponse, HttpSender, NoConnection},
    },
};
use fastrand::Rng;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{
    judge::Judge,
    threshold::{DayTime, Threshold},
};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;
/// When it is worth trying again after no connection was made.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The ends of the targets of what charges, in one API and the other.
const CHARGES: [&str; 2] = ["/confirm", "/payment/sale"];
/// Where the creation of an invoice says that it charges a saved card at once.
const CHARGES_AT_ONCE: &str = "/data/attributes/gateway_options/cardgate/instant";
/// The page of a proxy.
const PAGE: &str = "<html>no such luck</html>";

/// The fate of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No connection is made.
    Unreachable,
    /// It is lost.
    Lost,
    /// Its answer is lost.
    AnswerLost,
    /// It arrives so much later.
    Late(Duration),
    /// Its answer takes so long.
    AnswerLate(Duration),
    /// It arrives, and arrives again so much later.
    Twice(Duration),
    /// It is answered with this status and a page of a proxy, and arrives or does not.
    Proxy { status: u16, arrives: bool },
    /// It arrives, and is answered with 200 and a page.
    Garbage,
    /// It arrives, and half of its answer comes back.
    Truncated,
    /// It arrives, and its gateway stands still for so long with the answer in its hands.
    GatewayFreezes(Duration),
}

impl Fate {
    /// Any of them; what is late, at most by so many milliseconds.
    pub fn any(rng: &mut Rng, latest_ms: u64) -> Self {
        let time = Duration::from_millis(if rng.bool() { rng.u64(1..3_000) } else { rng.u64(3_000..latest_ms) });
        match rng.u8(0..12) {
            0 => Self::Unreachable,
            1..=2 => Self::Lost,
            3 => Self::AnswerLost,
            4..=5 => Self::Late(time),
            6 => Self::AnswerLate(time),
            7 => Self::Twice(time),
            8 => Self::Garbage,
            9 => Self::Truncated,
            _ => Self::Proxy {
                status: rng.choice([404, 404, 403, 408, 429, 500, 502, 503]).unwrap(),
                arrives: rng.bool(),
            },
        }
    }
}

/// A request as it goes over the network.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: axum::http::Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Sent {
    fn of(request: &reqwest::Request) -> Self {
        let (url, method) = (request.url(), request.method().clone());
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let body = request.body().and_then(|body| body.as_bytes()).unwrap_or_default().to_vec();
        Self { method, target: format!("{}{query}", url.path()), headers: request.headers().clone(), body }
    }

    /// Whether it charges.
    fn is_charge(&self) -> bool {
        let charges_at_once = || {
            let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
            body.pointer(CHARGES_AT_ONCE).is_some_and(|flag| *flag == true)
        };
        self.method == "POST" && (CHARGES.iter().any(|end| self.target.ends_with(end)) || charges_at_once())
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Corefy, and what lies before it.
#[derive(Debug)]
pub struct Network {
    pub corefy: Sandbox,
    /// Corefy's time.
    pub time: DayTime,
    /// How long an answer may take.
    pub patience: Duration,
    pub judge: Arc<Judge>,
    /// The fates that are to come, and for how many requests later.
    pub fates: Mutex<Vec<(u8, Fate)>>,
    /// The fates of the next requests that charge.
    pub charge_fates: Mutex<VecDeque<Fate>>,
    /// Requests that are late.
    pub under_way: AtomicUsize,
}

impl Network {
    fn fate(&self, sent: &Sent) -> Option<Fate> {
        if let Some(fate) = self.charge_fates.lock().unwrap().pop_front_if(|_| sent.is_charge()) {
            return Some(fate);
        }
        let mut fates = self.fates.lock().unwrap();
        let due = fates.iter().position(|(later, _)| *later == 0).map(|place| fates.remove(place).1);
        fates.iter_mut().for_each(|(later, _)| *later = later.saturating_sub(1));
        due
    }

    /// Has Corefy carry the request out.
    async fn arrive(&self, sent: Sent) -> Result<HttpResponse, HttpFailure> {
        self.time.follow();
        self.corefy.settle_due();
        let (mut call, is_post) = (axum::http::Request::new(Body::from(sent.body)), sent.method == "POST");
        (*call.method_mut(), *call.headers_mut()) = (sent.method, sent.headers);
        *call.uri_mut() = sent.target.parse().unwrap();
        let response = self.corefy.call(call).await.ok_or_else(|| broken("the connection was cut"))?;
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, MAX_ANSWER).await.map_err(|_| broken("the answer broke off"))?;
        if is_post && parts.status == StatusCode::CREATED {
            self.judge.note_made(&sent.target, &body);
        }
        Ok(HttpResponse { status: parts.status, headers: parts.headers, body: body.to_vec() })
    }

    /// The same after this time, whatever becomes of whoever has sent it.
    fn arrive_late(
        self: &Arc<Self>,
        sent: Sent,
        time: Duration,
    ) -> tokio::task::JoinHandle<Result<HttpResponse, HttpFailure>> {
        let network = self.clone();
        network.under_way.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            sleep(time).await;
            let answer = network.arrive(sent).await;
            network.under_way.fetch_sub(1, Ordering::Relaxed);
            answer
        })
    }

    async fn carry(self: &Arc<Self>, sent: Sent, fate: Option<Fate>) -> Result<HttpResponse, HttpFailure> {
        let Some(fate) = fate else { return self.arrive(sent).await };
        match fate {
            Fate::Unreachable => Err(HttpFailure::NotSent {
                reason: NotSent::Unreachable(NoConnection::Refused),
                retry_after: RETRY_AFTER,
            }),
            Fate::Lost => Err(broken("it was lost")),
            Fate::AnswerLost => self.arrive(sent).await.and(Err(broken("the answer was lost"))),
            Fate::Late(time) => self.arrive_late(sent, time).await.unwrap_or_else(|_| Err(broken("it broke off"))),
            Fate::AnswerLate(time) => {
                let answer = self.arrive(sent).await;
                sleep(time).await;
                answer
            }
            Fate::Twice(time) => {
                let answer = self.arrive(sent.clone()).await;
                drop(self.arrive_late(sent, time));
                answer
            }
            Fate::Proxy { status, arrives } => {
                if arrives {
                    let _ = self.arrive(sent).await;
                }
                Ok(page(status))
            }
            // The gateway's own threshold stops it.
            Fate::GatewayFreezes(_) => self.arrive(sent).await,
            Fate::Garbage => self.arrive(sent).await.map(|_| page(200)),
            Fate::Truncated => self.arrive(sent).await.map(|answer| {
                let body = answer.body[..answer.body.len() / 2].to_vec();
                HttpResponse { body, ..answer }
            }),
        }
    }
}

fn broken(why: &str) -> HttpFailure {
    HttpFailure::Broken(why.to_owned())
}

fn page(status: u16) -> HttpResponse {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))]);
    HttpResponse { status: StatusCode::from_u16(status).unwrap(), headers, body: PAGE.into() }
}

/// The way of one gateway to Corefy.
#[derive(Debug)]
pub struct GatewayLine {
    pub network: Arc<Network>,
    pub threshold: Arc<Threshold>,
    /// The gateway's number.
    pub gateway: usize,
}

#[async_trait]
impl HttpSender for GatewayLine {
    async fn send(&self, request: reqwest::Request) -> Result<HttpResponse, HttpFailure> {
        self.threshold.pass().await;
        let sent = Sent::of(&request);
        let fate = self.network.fate(&sent);
        self.network.judge.note_request(self.gateway, &sent, fate).await;
        let carried = timeout(self.network.patience, self.network.carry(sent, fate)).await;
        if let Some(Fate::GatewayFreezes(time)) = fate {
            self.threshold.freeze(time);
        }
        self.threshold.pass().await;
        carried.unwrap_or_else(|_| Err(broken("no answer in time")))
    }
}
