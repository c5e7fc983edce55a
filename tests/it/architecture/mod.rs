//! The rules of the architecture, checked on the text of `src/`: which module may import which, where each crate is
//! used, and how long a file may be; and that no files import in a circle ([`imports`]).

use std::{
    fs,
    path::{Path, PathBuf},
};

mod imports;
mod mentions;
mod source;

/// Lines of a file at most, tests left out.
const MAX_LINES: usize = 400;

/// Everything below `src/`.
const ALL: &[&str] = &[""];

/// Words that only some files may name.
struct ArchitectureRule {
    /// The words, whole.
    words: &'static [&'static str],
    /// The files and folders that the rule is about.
    within: &'static [&'static str],
    /// The files below them that may name the words.
    may: &'static [&'static str],
    /// The rule, as the failure quotes it.
    text: &'static str,
}

const RULES: &[ArchitectureRule] = &[
    // The imports that are allowed, from the inside out.
    ArchitectureRule {
        words: &[
            "crate::app",
            "crate::config",
            "crate::error",
            "crate::store",
            "crate::task",
            "crate::telemetry",
            "crate::upstream",
            "crate::sandbox",
        ],
        within: &["domain/"],
        may: &[],
        text: "the domain imports nothing",
    },
    ArchitectureRule {
        words: &["crate::app", "crate::config", "crate::error", "crate::sandbox"],
        within: &["store/", "upstream/"],
        may: &[],
        text: "store and upstream import the domain and telemetry only",
    },
    ArchitectureRule {
        words: &["crate::store"],
        within: &["upstream/"],
        may: &[],
        text: "upstream knows nothing of the store",
    },
    ArchitectureRule {
        words: &["crate::upstream"],
        within: &["store/"],
        may: &[],
        text: "the store knows nothing of upstream",
    },
    ArchitectureRule {
        words: &["crate::app", "crate::config", "crate::sandbox"],
        within: &["error.rs"],
        may: &[],
        text: "the error imports store and upstream, for what it is made from",
    },
    ArchitectureRule {
        words: &["crate::config", "crate::sandbox"],
        within: &["app/"],
        may: &[],
        text: "the use cases import domain, store, upstream, error and telemetry",
    },
    ArchitectureRule {
        words: &["crate::config", "crate::store", "crate::upstream", "crate::sandbox"],
        within: &["rpc/", "http/", "worker/", "port/"],
        may: &[],
        text: "rpc, http and worker reach store and upstream through the use cases",
    },
    ArchitectureRule {
        words: &["crate::app", "crate::config", "crate::error", "crate::store"],
        within: &["sandbox/"],
        may: &[],
        text: "the sandbox imports the domain and the wire types of the dialects",
    },
    ArchitectureRule {
        words: &["crate::app", "crate::error", "crate::store", "crate::upstream", "crate::sandbox"],
        within: &["config/"],
        may: &[],
        text: "the settings import the domain only",
    },
    ArchitectureRule {
        words: &["crate::rpc", "crate::http", "crate::worker", "crate::server", "crate::cli"],
        within: ALL,
        may: &["server.rs", "cli/"],
        text: "nobody imports rpc, http, worker, server and cli but server and cli",
    },
    ArchitectureRule {
        words: &["crate::pb"],
        within: ALL,
        may: &["rpc/", "cli/smoke_test/", "client/"],
        text: "messages of the wire stay in rpc, in the client, and in that of `try`",
    },
    ArchitectureRule {
        words: &[
            "crate::app",
            "crate::config",
            "crate::domain",
            "crate::error",
            "crate::port",
            "crate::store",
            "crate::telemetry",
            "crate::upstream",
            "crate::sandbox",
        ],
        within: &["client/"],
        may: &[],
        text: "the client, which is built without the gateway, imports the messages of the wire only",
    },
    ArchitectureRule {
        words: &["crate::client"],
        within: ALL,
        may: &["client/"],
        text: "the gateway, which is built without the client, does not import it",
    },
    // Which crate is used where.
    ArchitectureRule {
        words: &["tonic", "tonic_health", "tonic_reflection", "tonic_types", "tonic_prost", "tonic_web"],
        within: ALL,
        may: &["rpc/", "pb.rs", "cli/smoke_test/", "client/"],
        text: "tonic is used in rpc, in the generated code, in the client, and in that of `try`",
    },
    ArchitectureRule {
        words: &["axum"],
        within: ALL,
        may: &["http/", "sandbox/", "upstream/scripted.rs"],
        text: "axum is used in http, in the sandbox, and in the scripted Corefy of the tests of upstream",
    },
    ArchitectureRule {
        words: &["reqwest"],
        within: ALL,
        may: &["upstream/", "sandbox/", "cli/smoke_test/"],
        text: "reqwest is used in upstream, in the sandbox, and for the payer's browser of `try`",
    },
    ArchitectureRule {
        words: &["crate::app", "crate::error"],
        within: &["port/"],
        may: &[],
        text: "a port knows nothing of what is served at it",
    },
    ArchitectureRule { words: &["tokio_rustls"], within: ALL, may: &["port/"], text: "TLS ends at the port" },
    ArchitectureRule { words: &["sqlx"], within: ALL, may: &["store/"], text: "sqlx is used in the store" },
    ArchitectureRule {
        words: &["crate::app", "crate::config", "crate::domain", "crate::error", "crate::store", "crate::upstream"],
        within: &["telemetry/"],
        may: &[],
        text: "telemetry imports nothing",
    },
    ArchitectureRule {
        words: &["use metrics", "metrics_exporter_prometheus"],
        within: ALL,
        may: &["telemetry/"],
        text: "the crates of the metrics are used in telemetry",
    },
    ArchitectureRule {
        words: &["opentelemetry", "opentelemetry_otlp", "opentelemetry_sdk"],
        within: ALL,
        may: &["telemetry/"],
        text: "OpenTelemetry is used in telemetry",
    },
    ArchitectureRule {
        words: &[
            "crate::app",
            "crate::config",
            "crate::error",
            "crate::store",
            "crate::telemetry",
            "crate::upstream",
            "crate::sandbox",
        ],
        within: &["reference_data/"],
        may: &[],
        text: "reference data imports the domain only",
    },
    ArchitectureRule {
        words: &["csv", "maxminddb"],
        within: ALL,
        may: &["reference_data/", "domain/books/text.rs", "cli/reconcile/"],
        text: "the forms of the operator's files are known in reference data, that of books in their text, and Corefy's where they are compared",
    },
    ArchitectureRule {
        words: &["parquet"],
        within: ALL,
        may: &["cli/export.rs", "cli/export/parquet_file.rs"],
        text: "files of Parquet are made in one place",
    },
    ArchitectureRule {
        words: &["indicatif"],
        within: ALL,
        may: &["cli/progress.rs"],
        text: "progress is shown in one place",
    },
    ArchitectureRule {
        words: &["cel", "toml"],
        within: ALL,
        may: &["domain/risk/"],
        text: "the rules' language and the form of their file are risk's",
    },
    ArchitectureRule {
        words: &["clap"],
        within: ALL,
        may: &["config/", "cli/"],
        text: "clap is used in config and cli",
    },
    // Words that only these files may contain.
    ArchitectureRule {
        words: &["std::env", "env::var", "env::vars", "env::var_os", "env::set_var", "dotenvy"],
        within: ALL,
        may: &["config/"],
        text: "config alone reads the environment",
    },
    ArchitectureRule {
        words: &["f32", "f64"],
        within: &["domain/", "app/", "upstream/", "store/", "rpc/"],
        may: &[],
        text: "no floating point near money",
    },
    ArchitectureRule {
        words: &["println!", "print!", "eprintln!", "eprint!", "dbg!"],
        within: ALL,
        may: &["cli/"],
        text: "only commands print",
    },
];

/// The violations of the file `name`, a path below `src/`, with this `text`: each with its line and the rule.
fn problems(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.starts_with("//!") {
        problems.push(format!("src/{name}:1: a file opens with //! and says what it is for"));
    }
    let code = without_tests(name, text);
    if code.lines().count() > MAX_LINES {
        problems.push(format!("src/{name}:{MAX_LINES}: a file has at most {MAX_LINES} lines without tests"));
    }
    let rules = RULES.iter().filter(|rule| rule.is_about(name));
    for (number, line) in (1..).zip(named(code)) {
        for rule in rules.clone() {
            let broken = rule.words.iter().filter(|word| names(&line, word));
            problems.extend(broken.map(|word| format!("src/{name}:{number}: names {word}, but {}", rule.text)));
        }
    }
    problems
}

impl ArchitectureRule {
    fn is_about(&self, file: &str) -> bool {
        let any = |places: &[&str]| places.iter().any(|place| file.starts_with(place));
        any(self.within) && !any(self.may)
    }
}

/// The text before the tests of the same file. A file that is nothing but tests has no limit.
fn without_tests<'a>(name: &str, text: &'a str) -> &'a str {
    if name.ends_with("tests.rs") || name.contains("/tests/") {
        return "";
    }
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// The lines as they are compiled: without comments and what stands in quotes; a list in braces after `crate::` is
/// written out, in its first line.
fn named(code: &str) -> Vec<String> {
    let mut lines: Vec<String> = code.lines().map(unquoted).collect();
    for first in 0..lines.len() {
        let Some(at) = lines[first].find("crate::{") else { continue };
        let rest = lines[first][at..].to_owned() + &lines[first + 1..].join(" ");
        let modules: String = top_of_list(&rest).iter().map(|module| format!(" crate::{module}")).collect();
        lines[first].push_str(&modules);
    }
    lines
}

fn unquoted(line: &str) -> String {
    let code = line.split("//").next().unwrap_or_default();
    code.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

/// The modules that `crate::{a::b, c::{d}}` names: `a`, `c`.
fn top_of_list(text: &str) -> Vec<String> {
    let mut modules = vec![String::new()];
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => modules.push(String::new()),
            _ if depth == 1 => modules.last_mut().unwrap().push(letter),
            _ => {}
        }
    }
    let first = |module: &String| module.trim().split("::").next().unwrap_or_default().to_owned();
    modules.iter().map(first).filter(|module| !module.is_empty()).collect()
}

/// Whether the line has the word, whole.
fn names(line: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word)
        .any(|(at, _)| !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next()))
}

/// The files of Rust below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    rust.chain(folders.iter().flat_map(|folder| self::files(folder))).collect()
}

#[test]
fn the_code_keeps_the_rules() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = files(&src);
    assert!(files.len() > 100, "these cannot be all files: {files:?}");
    let check = |file: &PathBuf| {
        let name = file.strip_prefix(&src).unwrap().to_str().unwrap();
        problems(name, &fs::read_to_string(file).unwrap())
    };
    let problems: Vec<_> = files.iter().flat_map(check).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn no_limit_of_a_statement_is_a_bare_parameter() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let texts = files(&src).into_iter().map(|file| (fs::read_to_string(&file).unwrap(), file));
    let bare: Vec<_> = texts.filter(|(text, _)| text.contains("LIMIT $")).map(|(_, file)| file).collect();
    assert!(bare.is_empty(), "`LIMIT +$n`, for SQLite plans a statement with `LIMIT $n` anew each time: {bare:?}");
}

#[test]
fn a_place_that_a_rule_names_exists() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for place in RULES.iter().flat_map(|rule| rule.within.iter().chain(rule.may)) {
        assert!(src.join(place).exists(), "{place}");
    }
}

#[test]
fn what_breaks_a_rule_is_found() {
    let cases = [
        ("app/a.rs", "use axum::Router;", "axum is used in http"),
        ("client/a.rs", "use crate::{domain::money::Money, pb};", "the client, which"),
        ("domain/a.rs", "use crate::{store::Tx, upstream};", "the domain imports nothing"),
        ("rpc/a.rs", "use crate::{\n    app::App,\n    store::{Store, Tx},\n};", "through the use cases"),
        ("worker/mod.rs", "let x = crate::rpc::serve;", "nobody imports rpc"),
        ("server/a.rs", "let x = std::env::var(name);", "config alone reads the environment"),
        ("store/a.rs", "fn amount() -> f64 {", "no floating point near money"),
        ("app/a.rs", "    println!(\"\");", "only commands print"),
        ("store/a.rs", "use metrics::Key;", "used in telemetry"),
        ("cli/serve.rs", "use reqwest::Client;", "reqwest is used in upstream"),
    ];
    for (name, line, rule) in cases {
        let found = problems(name, &format!("//! x\n\n{line}\n"));
        let start = format!("src/{name}:3: names ");
        assert!(found.iter().any(|it| it.starts_with(&start) && it.contains(rule)), "{name}: {line}: {found:?}");
    }
    assert_eq!(problems("app/a.rs", "use std::fmt;\n").len(), 1, "no //!");
    let long = "//! x\n".repeat(MAX_LINES + 1);
    assert_eq!(problems("app/a.rs", &long).len(), 1, "too long");
}

#[test]
fn what_only_looks_like_it_breaks_no_rule() {
    for line in [
        "// not axum::Router",
        "let told = \"axum and f64\";",
        "let taxum = my_axum;",
        "use crate::{domain::{clock::Clock, ids}, error::Error};",
        "anstream::printing!();",
        "#[cfg(test)]\nmod tests {\n    use crate::config::Config;\n",
    ] {
        assert_eq!(problems("app/a.rs", &format!("//! x\n{line}\n")), [""; 0], "{line}");
    }
    assert_eq!(problems("sandbox/page.rs", "//! x\nuse axum::Router;\n"), [""; 0], "where it may");
}
