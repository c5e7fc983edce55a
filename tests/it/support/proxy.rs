//! A proxy in front of PostgreSQL that cuts a connection at the moment that a test names, and leads to another server when it
//! is told to.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream, UnixStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::AbortHandle,
};
use url::Url;

/// The longest piece that is passed on at once. The gateway's statements in the tests are shorter.
const PIECE: usize = 1 << 20;

/// The address of a server behind the proxy.
#[derive(Clone)]
pub enum ServerAddress {
    /// Host and port.
    Port(String, u16),
    /// The file of its socket.
    Socket(PathBuf),
}

/// The two halves of a connection to the server.
type Answers = Box<dyn AsyncRead + Send + Unpin>;
type Requests = Box<dyn AsyncWrite + Send + Unpin>;

impl ServerAddress {
    async fn connect(&self) -> io::Result<(Answers, Requests)> {
        match self {
            Self::Port(host, port) => {
                let (answers, requests) = TcpStream::connect((host.as_str(), *port)).await?.into_split();
                Ok((Box::new(answers), Box::new(requests)))
            }
            Self::Socket(file) => {
                let (answers, requests) = UnixStream::connect(file).await?.into_split();
                Ok((Box::new(answers), Box::new(requests)))
            }
        }
    }
}

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// At a statement, which does not reach the database.
    BeforeStatement,
    /// At a statement, whose answer does not come back.
    AfterStatement,
    /// As soon as a statement was passed on, which the database is still at.
    DuringStatement,
    /// At a statement, which does not reach the database; the connection stays, and is silent.
    SilentBefore,
    /// At a statement, whose answer does not come back; the connection stays, and is silent.
    SilentAfter,
}

#[derive(Default)]
struct CutPlan {
    /// The text by which the statements are recognised.
    about: &'static str,
    /// How many of them are passed on before the first cut.
    spared: u32,
    cuts: VecDeque<Cut>,
    /// Whether the database is gone once all cuts are made.
    then_down: bool,
    is_down: bool,
}

/// The proxy; it ends when this is dropped.
pub struct DatabaseProxy {
    pub address: SocketAddr,
    server: Arc<Mutex<ServerAddress>>,
    plan: Arc<Mutex<CutPlan>>,
    /// Ends all connections but the one of this number.
    ends: watch::Sender<Option<usize>>,
    task: AbortHandle,
}

impl DatabaseProxy {
    /// Starts it in front of the server that `url` names.
    pub async fn start(url: &str) -> Self {
        let url = Url::parse(url).unwrap();
        Self::before(ServerAddress::Port(url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432))).await
    }

    /// Starts it in front of this server.
    pub async fn before(server: ServerAddress) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, plan) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(CutPlan::default())));
        let (server, ends) = (Arc::new(Mutex::new(server)), watch::Sender::new(None));
        let (server_of_all, plan_of_all, ends_of_all) = (server.clone(), plan.clone(), ends.clone());
        let accepting = async move {
            for number in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                if plan_of_all.lock().unwrap().is_down {
                    continue;
                }
                let server = server_of_all.lock().unwrap().clone();
                let (plan, ends) = (plan_of_all.clone(), ends_of_all.clone());
                let ended = ends.subscribe();
                let end_others = move || {
                    ends.send_replace(Some(number));
                };
                tokio::spawn(async move {
                    // A server that is not there refuses the client, too.
                    let Ok(server) = server.connect().await else { return };
                    tokio::select! {
                        () = pass_on(client, server, plan, end_others) => {}
                        () = is_ended(ended, number) => {}
                    }
                });
            }
        };
        Self { address, server, plan, ends, task: tokio::spawn(accepting).abort_handle() }
    }

    /// Leads to another server from now on: ends all connections, and lets new ones in.
    pub fn lead_to(&self, server: ServerAddress) {
        *self.server.lock().unwrap() = server;
        self.come_up();
        self.ends.send_replace(None);
    }

    /// Makes these cuts, one after the other, when `spared` statements about operations have passed: those with an id of one,
    /// which are those that reserve and settle.
    pub fn cut(&self, spared: u32, cuts: impl IntoIterator<Item = Cut>) {
        self.cut_about("op_", spared, cuts);
    }

    /// The same of other statements: those that contain `about`.
    pub fn cut_about(&self, about: &'static str, spared: u32, cuts: impl IntoIterator<Item = Cut>) {
        let cuts = cuts.into_iter().collect();
        *self.plan.lock().unwrap() = CutPlan { about, spared, cuts, ..CutPlan::default() };
    }

    /// The same; the last also ends all other connections, and lets no new one in.
    pub fn cut_and_go_down(&self, spared: u32, cuts: impl IntoIterator<Item = Cut>) {
        self.cut(spared, cuts);
        self.plan.lock().unwrap().then_down = true;
    }

    /// Ends all connections, and lets no new one in.
    pub fn go_down(&self) {
        *self.plan.lock().unwrap() = CutPlan { is_down: true, ..CutPlan::default() };
        self.ends.send_replace(None);
    }

    /// Lets connections in again.
    pub fn come_up(&self) {
        *self.plan.lock().unwrap() = CutPlan::default();
    }

    /// How many cuts are still to be made.
    pub fn cuts_left(&self) -> usize {
        self.plan.lock().unwrap().cuts.len()
    }
}

impl Drop for DatabaseProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl CutPlan {
    /// The cut to be made at this piece.
    fn cut_at(&mut self, piece: &[u8]) -> Option<Cut> {
        if self.cuts.is_empty() || self.about.is_empty() || !has(piece, self.about) {
            return None;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return None;
        }
        let cut = self.cuts.pop_front();
        self.is_down = self.then_down && self.cuts.is_empty();
        cut
    }
}

fn has(piece: &[u8], what: &str) -> bool {
    piece.windows(what.len()).any(|window| window == what.as_bytes())
}

/// Returns when the connection of this number is ended with others.
async fn is_ended(mut ended: watch::Receiver<Option<usize>>, number: usize) {
    while ended.changed().await.is_ok() && *ended.borrow_and_update() == Some(number) {}
}

async fn pass_on(
    client: TcpStream,
    (from_server, to_server): (Answers, Requests),
    plan: Arc<Mutex<CutPlan>>,
    end_others: impl Fn(),
) {
    let (from_client, to_client) = client.into_split();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let answers = tokio::spawn(answer(from_server, to_client, stopped));
    ask(from_client, to_server, plan, end_others, (stop, answers)).await;
}

/// Passes the answers on until it is stopped, and then drops the next one.
async fn answer(
    mut server: Answers,
    mut client: OwnedWriteHalf,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
) -> (Answers, OwnedWriteHalf) {
    let mut piece = vec![0; PIECE];
    loop {
        let read = tokio::select! {
            biased;
            _ = &mut stopped => break,
            read = server.read(&mut piece) => read.unwrap_or(0),
        };
        if read == 0 || client.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    (server, client)
}

/// Takes whatever comes until the client gives the connection up.
async fn silence(client: &mut OwnedReadHalf) {
    let mut ignored = vec![0; PIECE];
    while client.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}

async fn ask(
    mut client: OwnedReadHalf,
    mut server: Requests,
    plan: Arc<Mutex<CutPlan>>,
    end_others: impl Fn(),
    (stop, answers): (tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<(Answers, OwnedWriteHalf)>),
) {
    let mut piece = vec![0; PIECE];
    loop {
        let read = client.read(&mut piece).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        let piece = &piece[..read];
        let (cut, goes_down) = {
            let mut plan = plan.lock().unwrap();
            (plan.cut_at(piece), plan.is_down)
        };
        let Some(cut) = cut else {
            if server.write_all(piece).await.is_err() {
                return;
            }
            continue;
        };
        if goes_down {
            end_others();
        }
        stop.send(()).ok();
        let (mut answers, to_client) = answers.await.unwrap();
        // A silent connection stays; any other is gone from here on.
        let _kept = matches!(cut, Cut::SilentBefore | Cut::SilentAfter).then_some(to_client);
        match cut {
            Cut::BeforeStatement => {}
            Cut::SilentBefore => silence(&mut client).await,
            Cut::SilentAfter => {
                server.write_all(piece).await.ok();
                answers.read_u8().await.ok();
                silence(&mut client).await;
            }
            Cut::AfterStatement => {
                server.write_all(piece).await.ok();
                // The answer is there, and is not passed on.
                answers.read_u8().await.ok();
            }
            Cut::DuringStatement => {
                server.write_all(piece).await.ok();
                // The server's side stays until it has ended by itself.
                tokio::spawn(async move {
                    let mut rest = Vec::new();
                    tokio::time::timeout(std::time::Duration::from_secs(5), answers.read_to_end(&mut rest)).await.ok();
                    drop(server);
                });
            }
        }
        return;
    }
}
