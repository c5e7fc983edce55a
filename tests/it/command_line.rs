//! The program as a whole: its settings, its sentences and its exit codes.

use std::process::Command;

/// A key whose checksum is wrong.
const MISTYPED: &str = "pk_canary:sk_canary";

/// Runs the program in a directory with this `.env`, and answers its exit code and what it said on standard error.
fn run(env_file: &str, args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), env_file).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_corefy-gateway"))
        .args(args)
        .current_dir(directory.path())
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_variable_is_read_from_the_file_when_the_environment_has_it_not() {
    let file = "# the key\nGATEWAY_API_KEY=pk_canary:sk_canary\nGATEWAY_TARGET=https://file\n";
    let (code, said) = run(file, &["try"], &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("GATEWAY_API_KEY: must be a whole key"), "{said}");
    assert!(
        said.contains("GATEWAY_TARGET: must be a URL such as http://127.0.0.1:50051, is \"https://file\""),
        "{said}"
    );

    let (_, said) = run(file, &["try"], &[("GATEWAY_TARGET", "https://environment")]);
    assert!(said.contains("is \"https://environment\""), "{said}");
    let (_, said) = run(file, &["try", "--target=https://flag"], &[("GATEWAY_TARGET", "https://environment")]);
    assert!(said.contains("is \"https://flag\""), "{said}");
}

#[test]
fn a_malformed_file_is_refused_by_its_line() {
    let (code, said) = run("# a comment\nhush hush\n", &["try"], &[]);
    assert_eq!((code, said.as_str()), (Some(2), ".env, line 2: must have the form NAME=value\n"));
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

    let partner = corefy_gateway::domain::ids::PartnerId::parse("acme").unwrap();
    let key = corefy_gateway::domain::key_pair::KeyPair::generate(&partner).expose();
    let key = secrecy::ExposeSecret::expose_secret(&key);
    let (code, said) = run("", &["try", "--target=http://127.0.0.1:1"], &[("GATEWAY_API_KEY", key)]);
    assert_eq!(code, Some(1));
    assert_eq!(said, "no gateway answers at http://127.0.0.1:1; start one by `make dev` in another terminal\n");
}
