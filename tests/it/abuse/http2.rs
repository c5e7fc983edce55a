//! Floods of what HTTP/2 allows: streams, resets, heads without an end, pings, settings and empty bodies. None of them reads an answer.

use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};

use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    frames::{
        PREFACE, continuation, empty_data, open_call, ping, reset, settings, stream, unfinished_head, whole_call,
    },
    stage::{Stage, Strikes, many},
};

/// Attackers at one time.
const ATTACKERS: usize = 4;
/// Frames that are written at once, and the pause after them: together 40,000 a second at most.
const AT_ONCE: u32 = 50;
const PAUSE: Duration = Duration::from_millis(5);
/// A connection that takes nothing for so long is given up for another.
const STUCK: Duration = Duration::from_millis(200);
/// Frames of one connection at most.
const MOST_FRAMES: u32 = 20_000;
/// The bytes of one header in a head that does not end, within the longest frame.
const PADDING: usize = 16_000;

/// A flood: what it says once, and then again and again, by number.
#[derive(Clone, Copy)]
struct Flood {
    opening: fn() -> Vec<u8>,
    next: fn(u32) -> Vec<u8>,
}

impl Flood {
    /// Floods one connection after another.
    async fn run(self, address: SocketAddr, strikes: Strikes) {
        loop {
            if let Ok(mut connection) = TcpStream::connect(address).await {
                let _ = self.flood(&mut connection, &strikes).await;
            }
            sleep(PAUSE).await;
        }
    }

    /// Writes until the connection is closed, is stuck, or has had enough.
    async fn flood(self, connection: &mut TcpStream, strikes: &Strikes) -> std::io::Result<()> {
        connection.write_all(&[PREFACE, &(self.opening)()].concat()).await?;
        for first in (0..MOST_FRAMES).step_by(AT_ONCE as usize) {
            let frames: Vec<u8> = (first..first + AT_ONCE).flat_map(self.next).collect();
            timeout(STUCK, connection.write_all(&frames)).await??;
            strikes.fetch_add(AT_ONCE as usize, Ordering::Relaxed);
            sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// Fails unless a gateway withstands it.
async fn withstands(name: &str, flood: Flood) {
    let (stage, strikes) = (Stage::start(&[]).await, Strikes::default());
    let attackers = many(ATTACKERS, stage.gateway.grpc, &strikes, |address, strikes| flood.run(address, strikes));
    stage.withstands(name, attackers, &strikes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_begun_and_left_open_do_not_keep_others_from_theirs() {
    withstands("open streams", Flood { opening: Vec::new, next: |number| open_call(stream(number)) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_made_and_taken_back_at_once_do_not_keep_others_from_theirs() {
    let next = |number| [whole_call(stream(number)), reset(stream(number))].concat();
    withstands("rapid reset", Flood { opening: Vec::new, next }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_without_an_end_take_no_memory() {
    let flood = Flood { opening: || unfinished_head(1, PADDING), next: |_| continuation(1, PADDING) };
    withstands("endless heads", flood).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_go_on_in_empty_frames_do_not_keep_others_from_their_calls() {
    withstands("empty continuations", Flood { opening: || unfinished_head(1, 0), next: |_| continuation(1, 0) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_without_number_take_no_memory() {
    withstands("pings", Flood { opening: Vec::new, next: |_| ping() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_without_number_take_no_memory() {
    withstands("settings", Flood { opening: Vec::new, next: |_| settings() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_empty_pieces_does_not_keep_others_from_their_calls() {
    withstands("empty bodies", Flood { opening: || open_call(1), next: |_| empty_data(1) }).await;
}
