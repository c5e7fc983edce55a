//! Where DATABASE_URL leads: one reading of it for every command, one gateway for each SQLite file, and a cause in words
//! where there is no way.

use std::{fs, path::Path};

use corefy_gateway::{config::local::SandboxKeys, pb};
use secrecy::ExposeSecret as _;

use crate::support::{
    app::CLOSED_PORT,
    client::Client,
    program::{Program, Variables, output},
};

const MASTER_KEY: (&str, &str) = ("GATEWAY_MASTER_KEY", "the-master-key-of-the-command-line");

/// The required settings of `serve` beside the database.
fn variables() -> Vec<(&'static str, String)> {
    let keys = SandboxKeys::default();
    vec![
        ("COREFY_API_KEY", keys.api_key.expose_secret().to_owned()),
        ("COREFY_SECRET_KEY", keys.secret_key.expose_secret().to_owned()),
        ("COREFY_CLIENT_KEY", keys.client_key.expose_secret().to_owned()),
        (MASTER_KEY.0, MASTER_KEY.1.to_owned()),
        ("GATEWAY_GRPC_ADDR", "127.0.0.1:0".to_owned()),
        ("GATEWAY_HTTP_ADDR", "127.0.0.1:0".to_owned()),
        ("GATEWAY_SANDBOX_ADDR", "127.0.0.1:0".to_owned()),
    ]
}

fn start(directory: &Path, command: &str, url: &str) -> Program {
    let variables = variables();
    let mut variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("DATABASE_URL", url));
    Program::start(directory, &[command], &variables)
}

/// Runs a command, and answers its exit code and what it said.
fn run(directory: &Path, args: &[&str], variables: &Variables<'_>) -> (Option<i32>, String) {
    let output = output(directory, args, variables);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn keys(directory: &Path, url: &str) -> (Option<i32>, String) {
    run(directory, &["keys", "list"], &[("DATABASE_URL", url), MASTER_KEY])
}

#[tokio::test]
async fn a_second_gateway_on_an_sqlite_file_is_refused_and_commands_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let url = "sqlite://gateway.db";
    let mut first = start(directory.path(), "serve", url);
    first.word_after("grpc=").await;

    let other_name = format!("sqlite://{}/gateway.db", directory.path().display());
    let mut second = start(directory.path(), "serve", &other_name);
    assert_eq!(second.exit_code().await, Some(1), "{}", second.said());
    let sentence = "gateway.db is in use by another gateway, process ";
    assert!(second.said().contains(sentence) && second.said().contains("DATABASE_URL: "), "{}", second.said());
    assert_eq!(keys(directory.path(), url).0, Some(0), "commands work beside a gateway");

    first.kill().await;
    let mut third = start(directory.path(), "serve", url);
    third.word_after("grpc=").await;
}

#[tokio::test]
async fn dev_leaves_the_database_of_a_dev_that_runs_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut first = start(directory.path(), "dev", "");
    let address = first.word_after("  gRPC ").await;
    let key = first.word_after("  API key ").await;
    let client = Client::connect(address.parse().unwrap(), &key).await;
    let intent = client.intent("1.00").await;

    let mut second = start(directory.path(), "dev", "");
    assert_eq!(second.exit_code().await, Some(1), "{}", second.said());
    assert!(second.said().contains("gateway.db is in use by another gateway"), "{}", second.said());
    let listed = client.list_payment_intents(pb::ListPaymentIntentsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.payment_intents[0].id, intent.id);
    let fresh = Client::connect(address.parse().unwrap(), &key).await;
    assert_eq!(fresh.get(&intent.id).await.id, intent.id);
    assert_eq!(fs::read_to_string(directory.path().join("target/dev/api-key")).unwrap().trim(), key);
}

#[tokio::test]
async fn a_file_has_the_name_that_was_meant_whichever_command_opens_it() {
    let directory = tempfile::tempdir().unwrap();
    let place = fs::canonicalize(directory.path()).unwrap();
    fs::create_dir(place.join("data")).unwrap();
    for (url, file) in [
        (format!("sqlite://{}/a%20b.db", place.display()), "a b.db"),
        (format!("sqlite://{}/c d.db", place.display()), "c d.db"),
        ("sqlite://data/../50%25%23.db".to_owned(), "50%#.db"),
        ("sqlite://data/e.db?mode=rwc".to_owned(), "data/e.db"),
    ] {
        let create = ["keys", "create", "--partner-name=Acme", "--key-name=Backend"];
        let (code, said) = run(&place, &create, &[("DATABASE_URL", &url), MASTER_KEY]);
        assert_eq!(code, Some(0), "{url}: {said}");
        assert!(place.join(file).metadata().unwrap().len() > 0, "{url}");
        let (code, said) = keys(&place, &url);
        assert!(code == Some(0) && said.contains("Backend"), "{url}: {said}");
        let mut gateway = start(&place, "serve", &url);
        gateway.word_after("grpc=").await;
    }
    let mut found: Vec<_> =
        fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm") && !name.ends_with(".lock"));
    found.sort();
    assert_eq!(found, ["50%#.db", "a b.db", "c d.db", "data"], "and there is no stray file");
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_with_the_cause_and_without_the_password() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("notes.txt"), "this is no database, but a text that is long enough ".repeat(40))
        .unwrap();
    let nobody = CLOSED_PORT;
    let nobody_there = format!("postgres://app:geheim@{nobody}/pay");
    for (url, code, parts) in [
        (nobody_there.as_str(), 1, vec![nobody.to_string(), "refused".to_owned(), "database \"pay\"".to_owned()]),
        (
            "sqlite://no/such/place/a.db",
            1,
            vec!["no/such/place/a.db".to_owned(), "no directory no/such/place".to_owned()],
        ),
        ("sqlite://notes.txt", 1, vec!["notes.txt".to_owned(), "not a database".to_owned()]),
        ("sqlite://:memory:", 2, vec!["DATABASE_URL: must name a file".to_owned(), "lost with the process".to_owned()]),
        ("postgres://app:geheim#w@db.example/pay", 2, vec!["DATABASE_URL: ".to_owned(), "%23".to_owned()]),
        ("postgres://app:12#geheim@db.example/pay", 2, vec!["DATABASE_URL: ".to_owned(), "%23".to_owned()]),
    ] {
        for command in [&["keys", "list"][..], &["migrate"], &["operations", "list"]] {
            let variables = [("DATABASE_URL", url), MASTER_KEY];
            let (ended, said) = run(directory.path(), command, &variables);
            assert_eq!(ended, Some(code), "{url}: {said}");
            assert!(parts.iter().all(|part| said.contains(part)) && !said.contains("geheim"), "{url}: {said}");
        }
    }
}
