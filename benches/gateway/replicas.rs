//! Three gateways on one PostgreSQL: faster than one, and what they share is shared rightly.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::{
    calls::{new_key, persist},
    contender::Contender,
    fill::create_database,
    load::{Target, all},
};

/// How many gateways.
pub const GATEWAYS: usize = 3;
/// The limit of requests to Corefy a minute that they share.
const LIMIT: u32 = 600;
/// Callers at each while they share it.
const CALLERS: usize = 16;
/// Refunds that each is asked for, of one payment that has room for a hundred.
const REFUNDS: usize = 50;
const ROOM: usize = 100;

/// Has three gateways share a limit, then a payment to be refunded, and prints how they did.
pub async fn shares(server: &str, dir: &Path, length: Duration) -> Result<(), Box<dyn Error>> {
    let database = create_database(server).await?;
    let gateways = Contender::gateways("shares", &database, dir, GATEWAYS).await?;
    let (taken, time) = refunded(&gateways).await?;
    let asked = GATEWAYS * REFUNDS;
    println!(
        "{asked} refunds of one payment with room for {ROOM}, at {GATEWAYS} gateways at once: {taken} in {time:.2?}\n"
    );
    drop(gateways);
    let database = create_database(server).await?;
    let counts = limited(&database, dir, length).await?;
    println!("Of {LIMIT} requests a minute, {GATEWAYS} gateways under the same load sent {counts:?} in {length:.0?}\n");
    Ok(())
}

/// Asks for more refunds than there is room for, all at once. Returns how many were made, and in which time.
async fn refunded(gateways: &Contender) -> Result<(usize, Duration), Box<dyn Error>> {
    let payment = gateways.target.caller(0).paid().await?;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..GATEWAYS * REFUNDS {
        let (caller, payment) = (gateways.target.caller(number), payment.clone());
        tasks.spawn(async move {
            let key = new_key();
            match persist(|| caller.refund(&payment, "1.00", &key)).await {
                Ok(()) => Ok(true),
                Err(refusal) if refusal.code() == Code::FailedPrecondition => Ok(false),
                Err(other) => Err(other),
            }
        });
    }
    let taken = all(tasks).await?.into_iter().filter(|is_taken| *is_taken).count();
    let (time, moved) = (began.elapsed(), gateways.sandbox.refund_count().await?);
    if (taken, moved) != (ROOM, ROOM) {
        return Err(format!("{taken} of {ROOM} possible refunds were accepted, and {moved} gave money back").into());
    }
    Ok((taken, time))
}

/// Creates at each gateway as much as the limit lets it. Returns how many each did.
async fn limited(database: &str, dir: &Path, length: Duration) -> Result<Vec<usize>, Box<dyn Error>> {
    let gateways = Contender::gateways_within("limited", database, dir, GATEWAYS, LIMIT, &[]).await?;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for addr in &gateways.addrs {
        let target = Target::open(&[*addr], &gateways.key, gateways.sandbox.url().to_owned()).await?;
        tasks.spawn(async move {
            let mut callers = JoinSet::new();
            for number in 0..CALLERS {
                let caller = target.caller(number);
                callers.spawn(async move {
                    let mut made = 0;
                    while began.elapsed() < length {
                        match caller.create().await {
                            Ok(_) => made += 1,
                            Err(refusal) if refusal.code() == Code::ResourceExhausted => {}
                            Err(other) => return Err(other),
                        }
                    }
                    Ok(made)
                });
            }
            Ok::<_, Status>(all(callers).await?.iter().sum())
        });
    }
    let counts: Vec<usize> = all(tasks).await?;
    let sent: usize = counts.iter().sum();
    if sent > LIMIT as usize {
        return Err(format!("{sent} requests were sent within a limit of {LIMIT}").into());
    }
    Ok(counts)
}
