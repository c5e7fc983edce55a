//! The guide to risk is what works: its rules compile, and its commands are run as they stand, in their order.

use std::{fs, path::Path, process::Command};

use secrecy::ExposeSecret as _;

use crate::support::{
    app::TestApp,
    database::{TestDatabase, master_key_text},
    program::output,
};

const GUIDE: &str = include_str!("../../docs/risk.md");

crate::on_both!(the_commands_of_the_guide_do_what_it_says);

/// The blocks of this language, without their fences.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = GUIDE.split(fence.as_str()).skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

/// The words of a command line, as the shell has them, without what follows `#`.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '#' if !is_quoted => break,
            ' ' if !is_quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            letter => word.push(letter),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

async fn the_commands_of_the_guide_do_what_it_says(database: TestDatabase) {
    let app = TestApp::start(database).await;
    let directory = tempfile::tempdir().unwrap();
    let rules = blocks("toml");
    let path = rules[0].lines().next().unwrap().trim_start_matches("# ");
    fs::write(directory.path().join(path), &rules[0]).unwrap();
    assert_eq!(rules[0].matches("[[rules]]").count(), 5);

    let (mut told, mut commands) = (String::new(), 0);
    for line in blocks("sh").iter().flat_map(|block| block.lines()) {
        told += &run(&app, directory.path(), line);
        commands += 1;
    }
    assert!(commands >= 15, "{commands}");
    for part in [
        "shop has no faults",
        "no decision about a payment was made since then",
        "version 1 (shop) is in force",
        "version 2 (shop) is in force",
        "version 3 (shop) is in force",
        "mode = \"live\"",
        "203.0.113.0/24",
        "risk.rules.revert",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    app.server.app.risk.refresh_policy().await.unwrap();
    let policy = app.server.app.risk.policies().current();
    assert_eq!((policy.version, policy.lists.len()), (3, 1));
}

/// Runs a line of the guide, and returns what it said.
fn run(app: &TestApp, directory: &Path, line: &str) -> String {
    if line.starts_with("sed ") {
        assert!(Command::new("sh").args(["-c", line]).current_dir(directory).status().unwrap().success(), "{line}");
        return String::new();
    }
    let words = words(line);
    assert_eq!(words[0], "corefy-gateway", "{line}");
    let args: Vec<_> = words[1..].iter().map(String::as_str).collect();
    let key = master_key_text();
    let variables = [("DATABASE_URL", app.database.url()), ("GATEWAY_MASTER_KEY", key.expose_secret())];
    let said = output(directory, &args, &variables);
    assert!(said.status.success(), "{line}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap()
}
