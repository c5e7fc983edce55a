//! The program as a whole: its settings, its sentences and its exit codes.

use std::net::TcpListener;

use corefy_gateway::{
    domain::{ids::PartnerId, key_pair::KeyPair, randomness::Randomness},
    pb,
};
use secrecy::ExposeSecret as _;
use tonic::Code;

use crate::{
    on_both,
    support::{
        app::http_client,
        client::{Client, reason},
        database::TestDatabase,
        program::{Program, Variables, output},
    },
};

on_both![a_key_is_made_used_listed_and_revoked];

/// The required settings of `serve`; the others have their defaults.
const SETTINGS: [(&str, &str); 6] = [
    ("COREFY_API_KEY", "corefy-api-key"),
    ("COREFY_SECRET_KEY", "corefy-secret-key-0123456789"),
    ("COREFY_CLIENT_KEY", "corefy-client-key"),
    ("GATEWAY_MASTER_KEY", "the-master-key-of-the-command-line"),
    ("GATEWAY_GRPC_ADDR", "127.0.0.1:0"),
    ("GATEWAY_HTTP_ADDR", "127.0.0.1:0"),
];
/// A key with a wrong checksum.
const MISTYPED: &str = "pk_canary:sk_canary";

/// Runs the program in a directory with this `.env`, and answers its exit code and what it said on standard error.
fn run(env_file: &str, args: &[&str], variables: &Variables<'_>) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), env_file).unwrap();
    let output = output(directory.path(), args, variables);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_variable_is_read_from_the_file_when_the_environment_has_it_not() {
    let file = "# the key\nGATEWAY_API_KEY=pk_canary:sk_canary\nGATEWAY_TARGET=ftp://file\n";
    let (code, said) = run(file, &["try"], &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("GATEWAY_API_KEY: must be a whole key"), "{said}");
    assert!(said.contains("GATEWAY_TARGET: must be a URL such as http://127.0.0.1:50051, is \"ftp://file\""), "{said}");

    let (_, said) = run(file, &["try"], &[("GATEWAY_TARGET", "ftp://environment")]);
    assert!(said.contains("is \"ftp://environment\""), "{said}");
    let (_, said) = run(file, &["try", "--target=ftp://flag"], &[("GATEWAY_TARGET", "ftp://environment")]);
    assert!(said.contains("is \"ftp://flag\""), "{said}");
}

#[test]
fn a_secret_is_read_from_the_file_that_a_variable_names() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("master-key");
    let (path, database) = (file.to_str().unwrap(), "sqlite://gateway.db");
    let list = |variables: &Variables<'_>| {
        let output = output(directory.path(), &["keys", "list"], &[&[("DATABASE_URL", database)], variables].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    for variables in
        [&[("GATEWAY_MASTER_KEY_FILE", path)][..], &[("GATEWAY_MASTER_KEY_FILE", path), ("GATEWAY_MASTER_KEY", "")]]
    {
        assert_eq!(list(variables), (Some(0), String::new()), "a variable that is set to nothing is not set");
    }
    std::fs::write(&file, "canary\n").unwrap();
    let (code, said) = list(&[("GATEWAY_MASTER_KEY_FILE", path)]);
    assert!(code == Some(2) && said.contains("GATEWAY_MASTER_KEY: ") && !said.contains("canary"), "{said}");

    let flag = "--gateway-master-key=0123456789abcdef0123456789abcdee";
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    let (code, said) = run("", &["serve", flag], &[("GATEWAY_MASTER_KEY_FILE", path)]);
    let expected = "GATEWAY_MASTER_KEY_FILE: GATEWAY_MASTER_KEY is given by a flag too; give one of them\n";
    assert_eq!((code, said.as_str()), (Some(2), expected));

    let (code, said) = list(&[("GATEWAY_MASTER_KEY_FILE", "nowhere"), ("DATABASE_URL_FILE", path)]);
    assert_eq!(code, Some(2));
    let expected = "DATABASE_URL_FILE: DATABASE_URL is set too; set one of them\nGATEWAY_MASTER_KEY_FILE: nowhere cannot be read: ";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(output(directory.path(), &["--help"], &[("GATEWAY_MASTER_KEY_FILE", "nowhere")]).status.code(), Some(0));
}

#[test]
fn a_malformed_file_is_refused_by_its_line() {
    let (code, said) = run("# a comment\nhush hush\n", &["try"], &[]);
    assert_eq!((code, said.as_str()), (Some(2), ".env, line 2: must have the form NAME=value\n"));
}

#[test]
fn a_value_in_the_file_is_taken_as_it_stands_and_a_name_only_once() {
    let (_, said) = run("GATEWAY_TARGET=ftp://pa$$word$x\n", &["try"], &[("x", "y"), ("word", "z")]);
    assert!(said.contains("is \"ftp://pa$$word$x\""), "{said}");
    let (_, said) = run("GATEWAY_TARGET=\"ftp://a\\$b\" # a comment\n", &["try"], &[]);
    assert!(said.contains("is \"ftp://a$b\""), "{said}");
    let (code, said) = run("GATEWAY_TARGET=a\n\nGATEWAY_TARGET=b\n", &["try"], &[]);
    assert_eq!((code, said.as_str()), (Some(2), ".env, line 3: GATEWAY_TARGET is set in line 1 already\n"));
}

#[test]
fn a_setting_that_is_misspelt_is_named_with_the_one_that_is_meant() {
    let hint = "COREFY_API_KYE: there is no such setting; is COREFY_API_KEY meant?";
    let misspelt = [("COREFY_API_KYE", "corefy-api-key")];
    for command in ["serve", "try", "sandbox"] {
        let wrong = [&misspelt[..], &[("GATEWAY_LOG_FORMAT", "xml"), ("GATEWAY_TARGET", "nowhere")]].concat();
        let (code, said) = run("", &[command], &wrong);
        assert!(code == Some(2) && said.matches(hint).count() == 1, "{command}: {said}");
    }
    let (_, said) = run("COREFY_API_KYE=corefy-api-key\n", &["serve"], &[]);
    assert!(said.contains(hint) && said.contains("COREFY_API_KEY: is missing"), "{said}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_, said) = run("", &["serve", "--gateway-grpc-addr", &address], &[&SETTINGS[..], &misspelt].concat());
    assert!(said.contains("WARN") && said.matches(hint).count() == 1, "in the log: {said}");

    let directory = tempfile::tempdir().unwrap();
    let doctor = output(directory.path(), &["doctor"], &misspelt);
    assert!(String::from_utf8(doctor.stdout).unwrap().contains(hint));
}

#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let empty = ["COREFY_TIMEOUT_SECONDS", "GATEWAY_DRAIN_SECONDS", "DATABASE_URL", "GATEWAY_INSECURE", "GATEWAY_LOG"];
    let empty = [&empty.map(|name| (name, ""))[..], &[("COREFY_RETRY_COUNT", " "), ("OTEL_SERVICE_NAME", "")]].concat();
    let (code, said) = run("GATEWAY_GRPC_ADDR=\n", &["serve"], &empty);
    assert_eq!((code, said.lines().count()), (Some(2), 5), "only what is required is wrong: {said}");
}

#[test]
fn a_secret_that_is_wrong_is_not_printed() {
    for (args, variables) in
        [(vec!["try", "--api-key", MISTYPED], vec![]), (vec!["try"], vec![("GATEWAY_API_KEY", MISTYPED)])]
    {
        let (code, said) = run("", &args, &variables);
        assert!(code == Some(2) && !said.contains("canary"), "{said}");
    }
}

#[test]
fn try_says_how_to_start_a_gateway_when_there_is_none() {
    let (code, said) = run("", &["try"], &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("GATEWAY_API_KEY: is missing") && said.contains("make dev"), "{said}");

    let key = KeyPair::generate(&PartnerId::parse("acme").unwrap(), &Randomness::system()).expose();
    let key = key.expose_secret();
    let (code, said) = run("", &["try", "--target=http://127.0.0.1:1"], &[("GATEWAY_API_KEY", key)]);
    assert_eq!(code, Some(1));
    assert_eq!(said, "no gateway answers at http://127.0.0.1:1; start one by `make dev` in another terminal\n");
}

#[test]
fn try_wants_to_know_whom_to_trust_only_where_it_matters() {
    let key = KeyPair::generate(&PartnerId::parse("acme").unwrap(), &Randomness::system()).expose();
    let key = ("GATEWAY_API_KEY", key.expose_secret());
    for (variable, value) in [("GATEWAY_TARGET_CA", "ca.pem"), ("GATEWAY_TARGET_NAME", "gateway.test")] {
        let (code, said) = run("", &["try"], &[key, (variable, value)]);
        assert_eq!(code, Some(2));
        assert!(
            said.contains(&format!("{variable}: must not be set when GATEWAY_TARGET begins with http://")),
            "{said}"
        );
    }
    let (code, said) = run("", &["try", "--target=https://127.0.0.1:1", "--target-ca=nowhere.pem"], &[key]);
    assert!(code == Some(2) && said.contains("GATEWAY_TARGET_CA: nowhere.pem: "), "{said}");
    let (code, said) = run("", &["try", "--target=https://127.0.0.1:1"], &[key]);
    assert!(
        code == Some(1) && said.contains("no gateway that can be trusted answers at https://127.0.0.1:1: "),
        "{said}"
    );
}

/// Runs `keys` with these arguments on `database`: what it says on standard output, if it did as asked.
fn keys(database: &TestDatabase, args: &[&str]) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL", database.url()), SETTINGS[3]];
    let output = output(directory.path(), &[&["keys"], args].concat(), &variables);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

async fn a_key_is_made_used_listed_and_revoked(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let variables = [&SETTINGS[..], &[("DATABASE_URL", database.url())]].concat();
    let mut gateway = Program::start(directory.path(), &["serve"], &variables);
    let address = gateway.word_after("grpc=").await.parse().unwrap();

    let said = keys(&database, &["create", "--partner-name=Acme GmbH", "--key-name=Backend"]).unwrap();
    let key = said.trim_end();
    assert!(key.starts_with("pk_") && key.contains(":sk_") && said.lines().count() == 1, "{said}");
    assert!(KeyPair::parse(key).is_some(), "{said}");
    let (public, secret) = key.split_once(':').unwrap();
    let listed = pb::ListPaymentIntentsRequest::default;
    Client::connect(address, key).await.list_payment_intents(listed()).await.unwrap();

    let reader =
        keys(&database, &["create", "--partner-name=Acme GmbH", "--key-name=Reports", "--scopes=read"]).unwrap();
    let refused = Client::connect(address, reader.trim_end()).await.refund("pi_1", "1.00").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "SCOPE_MISSING"));

    let list = keys(&database, &["list"]).unwrap();
    assert!(list.lines().count() == 3 && list.contains(public) && list.contains("Backend"), "{list}");
    assert!(!list.contains("sk_") && !list.contains(secret), "{list}");
    assert_eq!(keys(&database, &["list", "--partner=nobody"]).unwrap().lines().count(), 1, "the head alone");

    let unnamed = keys(&database, &["create", "--partner-name=日本", "--key-name=x"]).unwrap_err();
    assert_eq!(unnamed, "partner_name: must have a letter or digit of a to z, 0 to 9\n");
    let unused = keys(&database, &["create", "--partner-name=Acme GmbH", "--key-name=Unused"]).unwrap();
    let (unused_public, _) = unused.split_once(':').unwrap();
    assert_eq!(keys(&database, &["revoke", unused_public]).unwrap(), format!("{unused_public} is revoked\n"));
    let refused = Client::connect(address, unused.trim_end()).await.list_payment_intents(listed()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "CREDENTIALS_INVALID"));
    let list = keys(&database, &["list", &format!("--partner={}", partner_of(unused_public))]).unwrap();
    assert_eq!(list.lines().filter(|line| line.contains("revoked ")).count(), 1, "{list}");
    let again = keys(&database, &["revoke", unused_public]).unwrap_err();
    assert_eq!(again, format!("{unused_public} is no key, or revoked already\n"));
}

/// The partner's short name in a public key, `pk_{partner}_…`.
fn partner_of(public: &str) -> &str {
    public.strip_prefix("pk_").unwrap().rsplit_once('_').unwrap().0
}

#[test]
fn a_command_that_is_not_asked_rightly_says_why_and_ends_with_2() {
    let named = ["keys", "create", "--partner-name=Acme", "--key-name=Backend"];
    let with = |flag| [&named[..], &[flag]].concat();
    for (args, why) in [
        (vec![], "Usage: corefy-gateway <COMMAND>"),
        (vec!["pay"], "unrecognized subcommand"),
        (vec!["keys", "create"], "--partner-name <PARTNER_NAME>"),
        (with("--scopes=read,admin"), "must be read, write, refunds or risk"),
        (with("--allow-cidrs=10.0.0.0/99"), "must be a network such as 203.0.113.0/24"),
        (with("--expires-in-days=0"), "0 is not in 1..=3650"),
        (vec!["keys", "create", "--partner-name=", "--key-name=x"], "must have 1 to 100 characters"),
        (vec!["keys", "revoke", "pk_acme_mistyped"], "must be the public half of a key"),
        (vec!["keys", "list"], "GATEWAY_MASTER_KEY: is missing"),
        (vec!["keys", "rotate", "pk_acme_mistyped"], "must be the public half of a key"),
        (vec!["webhooks", "list", "--state=lost"], "must be waiting, processed, parked or dead"),
        (vec!["webhooks", "list", "--since=yesterday"], "must be a time such as"),
        (vec!["webhooks", "show", "op_1"], "must be the id of a webhook"),
        (vec!["webhooks", "replay", "--yes"], "required arguments were not provided"),
        (vec!["operations", "list", "--state=done"], "must be sent, in_doubt or needs_operator"),
        (vec!["operations", "resolve", "pi_1", "--outcome=failed", "--reason=x"], "must be the id of an operation"),
        (vec!["operations", "list", "--kind=payout"], "must be one of create_payment_intent"),
        (vec!["migrate", "--database-url=mysql://host"], "DATABASE_URL: must be sqlite://FILE"),
        (vec!["calls"], "GATEWAY_MASTER_KEY: is missing"),
        (vec!["calls", "--limit=1001"], "1001 is not in 1..=1000"),
        (vec!["calls", "--partner=A B"], "must be a short name such as acme"),
        (vec!["timeline", "cus_1"], "must be an id of a payment intent or refund"),
        (vec!["sandbox", "--gateway-sandbox-addr=0.0.0.0:1"], "GATEWAY_SANDBOX_ADDR: must be an address"),
        (vec!["dev", "--gateway-web-origins=shop"], "GATEWAY_WEB_ORIGINS: must be origins"),
        (vec!["dev", "--gateway-http-addr=here"], "GATEWAY_HTTP_ADDR: must be an address"),
    ] {
        let (code, said) = run("", &args, &[]);
        assert!(code == Some(2) && said.contains(why), "{args:?} ended with {code:?}: {said}");
    }
}

#[test]
fn serve_names_every_setting_that_is_missing_at_once() {
    let (code, said) = run("", &["serve"], &[]);
    assert_eq!(code, Some(2));
    for (variable, _) in &SETTINGS[..4] {
        assert!(said.contains(&format!("\n  {variable}: is missing")), "{variable}: {said}");
    }
}

#[tokio::test]
async fn serve_answers_until_it_is_told_to_stop() {
    let directory = tempfile::tempdir().unwrap();
    let mut gateway = Program::start(directory.path(), &["serve"], &SETTINGS);
    let http = gateway.word_after("http=").await;
    for path in ["healthz", "readyz"] {
        assert_eq!(http_client().get(format!("http://{http}/{path}")).send().await.unwrap().status(), 200, "{path}");
    }
    assert!(directory.path().join("corefy-gateway.db").exists());
    gateway.terminate();
    assert_eq!(gateway.exit_code().await, Some(0), "{}", gateway.said());
    let said = gateway.said();
    assert!(said.contains("COREFY_WEBHOOK_SECRET is not set") && said.contains("stopping"), "{said}");
    assert!(http_client().get(format!("http://{http}/healthz")).send().await.is_err(), "nobody listens any more");
}

#[test]
fn a_port_that_is_taken_ends_serve_with_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = run("", &["serve", "--gateway-grpc-addr", &address], &SETTINGS);
    assert!(code == Some(1) && said.contains("in use"), "{code:?}: {said}");
}

#[test]
fn a_sandbox_whose_port_is_taken_says_which_setting_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["dev", "sandbox"] {
        let (code, said) = run("", &[command, "--gateway-sandbox-addr", &address], &[]);
        assert!(
            code == Some(1) && said.contains(&format!("GATEWAY_SANDBOX_ADDR: {address} cannot be opened")),
            "{said}"
        );
        assert!(said.contains("set another address"), "{said}");
    }
}

#[test]
fn the_help_of_every_command_explains_every_flag_and_variable() {
    let directory = tempfile::tempdir().unwrap();
    for (command, variable) in [
        (vec!["serve"], "GATEWAY_DRAIN_SECONDS"),
        (vec!["dev"], "GATEWAY_DEV_DIR"),
        (vec!["sandbox"], "GATEWAY_SANDBOX_WEBHOOK_URL"),
        (vec!["keys", "create"], "DATABASE_URL"),
        (vec!["keys", "list"], "DATABASE_URL"),
        (vec!["keys", "rotate"], "DATABASE_URL"),
        (vec!["keys", "revoke"], "GATEWAY_MASTER_KEY"),
        (vec!["webhooks", "list"], "DATABASE_URL"),
        (vec!["webhooks", "show"], "DATABASE_URL"),
        (vec!["webhooks", "replay"], "DATABASE_URL"),
        (vec!["operations", "list"], "DATABASE_URL"),
        (vec!["operations", "show"], "DATABASE_URL"),
        (vec!["operations", "resolve"], "GATEWAY_MASTER_KEY"),
        (vec!["doctor"], "COREFY_BASE_URL"),
        (vec!["migrate"], "DATABASE_URL"),
        (vec!["calls"], "DATABASE_URL"),
        (vec!["timeline"], "GATEWAY_MASTER_KEY"),
        (vec!["try"], "GATEWAY_API_KEY_FILE"),
    ] {
        let shown = output(directory.path(), &[&command[..], &["--help"]].concat(), &[]);
        let help = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.status.success() && help.contains(variable), "{command:?}: {help}");
        let flags = help.split("\n      --").skip(1);
        let unexplained: Vec<_> = flags.filter(|flag| explanation(flag).split(' ').count() < 3).collect();
        assert!(unexplained.is_empty(), "{command:?}: {unexplained:?}");
    }
}

/// The text of a flag in the help, without its name, its variable and its default.
fn explanation(flag: &str) -> String {
    let text: Vec<_> = flag.split_whitespace().collect();
    let text = text.join(" ");
    let (_, text) = text.split_once([' ', ']']).unwrap_or_default();
    let text = text.strip_prefix('<').and_then(|text| text.split_once('>')).map_or(text, |(_, text)| text);
    text.split(" [").next().unwrap_or_default().trim().to_owned()
}

#[test]
fn every_command_has_a_manual_page_and_is_completed_by_every_shell() {
    let directory = tempfile::tempdir().unwrap();
    let written = output(directory.path(), &["man", "."], &[]);
    assert_eq!((written.status.code(), written.stderr.as_slice()), (Some(0), &b""[..]));
    let pages: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|page| page.unwrap().file_name()).collect();
    for page in ["corefy-gateway.1", "corefy-gateway-serve.1", "corefy-gateway-keys-rotate.1"] {
        assert!(pages.iter().any(|name| name == page), "{page} is missing: {pages:?}");
    }
    let serve = std::fs::read_to_string(directory.path().join("corefy-gateway-serve.1")).unwrap();
    assert!(serve.contains(r"gateway\-master\-key") && serve.contains("Run the gateway"), "{serve}");
    assert_eq!(output(directory.path(), &["man", "nowhere"], &[]).status.code(), Some(1));

    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let completions = output(directory.path(), &["completions", shell], &[]);
        let text = String::from_utf8(completions.stdout).unwrap();
        assert!(text.contains("reconcile") && text.contains("gateway-master-key"), "{shell}: {text}");
    }
}

#[test]
fn neither_manual_nor_completions_show_a_secret_of_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let secret = [("GATEWAY_MASTER_KEY", "canary-0123456789abcdef0123456789")];
    output(directory.path(), &["man", "."], &secret);
    for page in std::fs::read_dir(directory.path()).unwrap() {
        let page = page.unwrap().path();
        assert!(!std::fs::read_to_string(&page).unwrap().contains("canary"), "{}", page.display());
    }
    let completions = output(directory.path(), &["completions", "zsh"], &secret);
    assert!(!String::from_utf8(completions.stdout).unwrap().contains("canary"));
}
