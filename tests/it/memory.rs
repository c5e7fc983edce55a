//! Cards in the memory of the program: wiped when they have been used, and never written to disk.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
};

use corefy_gateway::{config::local::SandboxKeys, domain::environment::Environment, pb};
use secrecy::ExposeSecret as _;

use crate::support::{
    app::{start_sandbox, until},
    client::{Client, card, new_payment_method},
    database::{Backend, TestDatabase},
    program::{Program, Variables, output},
    requests::card_of,
};

const NUMBER: &str = "4012888888881881";
const CVV: &str = "7319";
/// Most copies of a number that stay when its caller has gone: on the stacks of threads, until those run on.
const MOST_COPIES: usize = 2;
/// Confirmations, and cards that are saved.
const CALLS: usize = 10;
const MASTER_KEY: &str = "master-key-of-the-memory-0123456789";

/// A program that serves in a directory of its own, and its caller.
async fn start(database: &TestDatabase, corefy: &str, directory: &std::path::Path) -> (Program, Client) {
    let keys = SandboxKeys::default();
    let variables: &Variables<'_> = &[
        ("COREFY_API_KEY", keys.api_key.expose_secret()),
        ("COREFY_SECRET_KEY", keys.secret_key.expose_secret()),
        ("COREFY_CLIENT_KEY", keys.client_key.expose_secret()),
        ("COREFY_WEBHOOK_SECRET", keys.webhook_secret.expose_secret()),
        ("COREFY_BASE_URL", corefy),
        ("COREFY_RATE_LIMIT_PER_MINUTE", "100000"),
        ("DATABASE_URL", database.url()),
        ("GATEWAY_MASTER_KEY", MASTER_KEY),
        ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
        ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
    ];
    let created = output(directory, &["keys", "create", "--partner-name=Acme", "--key-name=Backend"], variables);
    let key = String::from_utf8(created.stdout).unwrap().trim().to_owned();
    let mut program = Program::start(directory, &["serve"], variables);
    let grpc = program.word_after("grpc=").await;
    let client = Client::connect(grpc.parse().unwrap(), &key).await;
    (program, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn next_to_nothing_of_a_card_stays_in_memory_when_its_caller_has_gone() {
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    let (sandbox, _stop) = start_sandbox(&Environment::system()).await;
    let directory = tempfile::tempdir().unwrap();
    let (program, client) = start(&database, sandbox.base_url().as_str(), directory.path()).await;
    for _ in 0..CALLS {
        pay_and_save(&client).await;
    }
    // The last bytes read from a connection stay in its buffer while it is open.
    drop(client);
    let json = format!("\"card_cvv\":\"{CVV}\"");
    // As Protocol Buffers have it: field 4, 4 bytes.
    let proto = format!("\u{22}\u{4}{CVV}");
    until("the cards are wiped", async || {
        let memory = match memory(program.id()) {
            Ok(memory) => memory,
            // Only root may read it, which is the point.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return true,
            Err(error) => panic!("{error}"),
        };
        let [known, number, cvvs @ ..] = copies(&memory, [MASTER_KEY, NUMBER, &json, &proto].map(str::as_bytes));
        assert!(known > 0, "a memory that misses what is there");
        println!("copies of the number: {number}, of its CVV: {cvvs:?}");
        number <= MOST_COPIES && cvvs == [0, 0]
    })
    .await;
}

async fn pay_and_save(client: &Client) {
    let intent = client.intent("10.00").await;
    let source = pb::confirm_payment_intent_request::Source::Card(pb::Card { cvv: CVV.to_owned(), ..card(NUMBER) });
    let confirmation =
        pb::ConfirmPaymentIntentRequest { payment_intent_id: intent.id, source: Some(source), ..Default::default() };
    client.confirm_payment_intent(confirmation).await.unwrap();
    let customer = client.customer("payer@example.com").await;
    let mut method = new_payment_method(&customer);
    card_of(&mut method).number = NUMBER.to_owned();
    client.create_payment_method(method).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serving_program_leaves_no_core_and_lets_nobody_of_its_user_read_it() {
    let database = TestDatabase::new(Backend::Sqlite).await.unwrap();
    let (sandbox, _stop) = start_sandbox(&Environment::system()).await;
    let directory = tempfile::tempdir().unwrap();
    let (program, _) = start(&database, sandbox.base_url().as_str(), directory.path()).await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", program.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    // Of a process that may be read by its user this belongs to the user, and otherwise to root.
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(format!("/proc/{}/mem", program.id())).unwrap());
    assert_eq!(owner, 0);
}

/// Bytes of a page of memory.
const PAGE: usize = 4096;
/// Pages that are read at once.
const PAGES: usize = 256;

/// All that the process can write to, as it is now, but for pages that were never written.
fn memory(process: u32) -> io::Result<Vec<u8>> {
    let file = File::open(format!("/proc/{process}/mem"))?;
    let mut memory = Vec::new();
    for line in fs::read_to_string(format!("/proc/{process}/maps"))?.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|place| u64::from_str_radix(place, 16).unwrap());
        if rights.starts_with("rw") {
            read_pages(&file, from, to, &mut memory);
        }
    }
    Ok(memory)
}

fn read_pages(file: &File, from: u64, to: u64, memory: &mut Vec<u8>) {
    let mut pages = vec![0; PAGE * PAGES];
    let mut at = from;
    while at < to {
        let length = pages.len().min(usize::try_from(to - at).unwrap());
        // A region may have gone meanwhile.
        if file.read_exact_at(&mut pages[..length], at).is_ok() {
            let written = pages[..length].chunks(PAGE).filter(|page| *page != [0; PAGE]);
            written.for_each(|page| memory.extend_from_slice(page));
        }
        at += length as u64;
    }
}

/// How often each of the secrets is there.
fn copies<const N: usize>(memory: &[u8], secrets: [&[u8]; N]) -> [usize; N] {
    let mut found = [0; N];
    for at in 0..memory.len() {
        for (secret, found) in secrets.iter().zip(&mut found) {
            if memory[at] == secret[0] && memory[at..].starts_with(secret) {
                *found += 1;
            }
        }
    }
    found
}
