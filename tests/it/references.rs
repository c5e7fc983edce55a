//! The references in `docs/` that are made from the code: settings, command line, errors, metrics, risk rules. A test for each compares
//! what stands between two marks of the page with what the code says; with `UPDATE_DOCS` set, it is written there instead.

use std::{env, fs, path::Path};

use clap::{Arg, Command};
use corefy_gateway::{
    cli,
    domain::risk::{
        condition::{
            self,
            functions::{FUNCTIONS, Function},
            schema::{self, Field, Presence},
        },
        rule_set,
    },
    telemetry::catalogue::{CATALOGUE, MetricEntry},
    upstream::commerce::FACTS,
};
use prost_reflect::{DescriptorPool, prost_types::FileDescriptorProto};

use crate::support::contract::descriptors;

/// The mark before what is made, and the one after it.
const BEGIN: &str = "<!-- Made by `UPDATE_DOCS=1 cargo test --test it references`; do not edit. -->\n";
const END: &str = "<!-- End -->\n";

/// Compares the made part of a page below `docs/` with this text, or writes it.
fn compare(page: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap_or_else(|| panic!("docs/{page} lacks {BEGIN}"));
    let (stands, after) = rest.split_once(END).unwrap_or_else(|| panic!("docs/{page} lacks {END}"));
    let made = format!("\n{}\n\n", made.trim());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, [before, BEGIN, &made, END, after].concat()).unwrap();
    } else {
        assert_eq!(
            stands, made,
            "docs/{page} is not what the code says: UPDATE_DOCS=1 cargo test --test it references"
        );
    }
}

/// A table in Markdown.
fn table<const COLUMNS: usize>(head: [&str; COLUMNS], rows: impl IntoIterator<Item = [String; COLUMNS]>) -> String {
    let line = |cells: &[String]| {
        let cells = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = format!("|{}\n", "---|".repeat(COLUMNS));
    let rows: Vec<String> = rows.into_iter().map(|row| line(&row)).collect();
    [line(&head.map(str::to_owned)), rule, rows.concat()].concat()
}

fn quoted(word: &str) -> String {
    format!("`{word}`")
}

/// The meaning of a flag, and its default: clap's, or the one that its help has in brackets.
fn meaning_and_default(arg: &Arg) -> [String; 2] {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let (meaning, told) = match help.split_once(" [default: ") {
        Some((meaning, default)) => (meaning.to_owned(), Some(default.trim_end_matches(']').to_owned())),
        None => (help, None),
    };
    let values: Vec<_> = arg.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    let of_clap = (!values.is_empty() && arg.get_action().takes_values()).then(|| quoted(&values.join(",")));
    let required = (arg.is_required_set() || meaning.ends_with(" Required")).then(|| "required".to_owned());
    let meaning = meaning.trim_end_matches(". Required").to_owned();
    [meaning, told.or(of_clap).or(required).unwrap_or_default()]
}

/// The flags of a command that are settings, each with the title of its section.
fn settings(command: &Command) -> Vec<(String, &Arg)> {
    let of_settings = command.get_arguments().filter(|arg| arg.get_env().is_some());
    let titled =
        |arg: &Arg| arg.get_help_heading().unwrap_or("Others").split(" (").next().unwrap_or_default().to_owned();
    of_settings.map(|arg| (titled(arg), arg)).collect()
}

fn variable(arg: &Arg) -> &str {
    arg.get_env().and_then(|name| name.to_str()).unwrap()
}

fn command_line() -> Command {
    let mut command = cli::command_line();
    command.build();
    command
}

#[test]
fn the_reference_of_settings_is_what_serve_says() {
    let command = command_line();
    let settings = settings(command.find_subcommand("serve").unwrap());
    assert!(settings.len() > 30, "{}", settings.len());
    let mut made = String::new();
    for section in settings.chunk_by(|one, other| one.0 == other.0) {
        let rows = section.iter().map(|(_, arg)| {
            let [meaning, default] = meaning_and_default(arg);
            [quoted(variable(arg)), meaning, default]
        });
        made.push_str(&format!("### {}\n\n{}\n", section[0].0, table(["variable", "meaning", "default"], rows)));
    }
    compare("configuration.md", &made);
}

/// Describes a command and, one level below, its own commands.
fn describe(command: &Command, of_serve: &[(String, &Arg)], path: &str, level: usize, made: &mut String) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    made.push_str(&format!("{} {path}\n\n{}.\n\n", "#".repeat(level), about.trim_end_matches('.')));
    let subcommands: Vec<_> = command.get_subcommands().filter(|command| command.get_name() != "help").collect();
    if subcommands.is_empty() {
        made.push_str(&format!("```text\n{}\n```\n\n", usage(command)));
        made.push_str(&flags(command, of_serve));
    }
    for subcommand in subcommands {
        describe(subcommand, of_serve, &format!("{path} {}", subcommand.get_name()), level + 1, made);
    }
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

/// The flags of a command in a table, and the sections of the settings that it shares with `serve`.
fn flags(command: &Command, of_serve: &[(String, &Arg)]) -> String {
    let is_shared = |arg: &&Arg| {
        let mut twins = of_serve.iter().filter(|(_, twin)| twin.get_id() == arg.get_id());
        twins.any(|(_, twin)| twin.get_help().map(ToString::to_string) == arg.get_help().map(ToString::to_string))
    };
    let arguments = command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"));
    let (shared, mut own): (Vec<_>, Vec<_>) = arguments.partition(is_shared);
    // A section that the command takes only in part is not its: then each flag has a row.
    let is_whole = |title: &str| {
        let mut of_title = of_serve.iter().filter(|(of, _)| of == title);
        of_title.all(|(_, twin)| shared.iter().any(|arg| arg.get_id() == twin.get_id()))
    };
    let title_of = |arg: &Arg| of_serve.iter().find(|(_, twin)| twin.get_id() == arg.get_id()).map(|(title, _)| title);
    own.extend(shared.iter().filter(|arg| title_of(arg).is_some_and(|title| !is_whole(title))));
    let row = |arg: &Arg| {
        let [meaning, default] = meaning_and_default(arg);
        let variable = arg.get_env().map(|name| format!(", {}", quoted(&name.to_string_lossy()))).unwrap_or_default();
        [format!("{}{variable}", quoted(&arg.to_string())), meaning, default]
    };
    let mut made = String::new();
    if !own.is_empty() {
        made.push_str(&table(["argument", "meaning", "default"], own.into_iter().map(row)));
        made.push('\n');
    }
    let mut sections: Vec<_> = of_serve
        .iter()
        .filter(|(title, twin)| is_whole(title) && shared.iter().any(|arg| arg.get_id() == twin.get_id()))
        .collect();
    sections.dedup_by(|one, other| one.0 == other.0);
    if !sections.is_empty() {
        let link = |title: &str| format!("[{title}](../configuration.md#{})", title.to_lowercase());
        let links: Vec<_> = sections.iter().map(|(title, _)| link(title)).collect();
        made.push_str(&format!("Settings: {}.\n\n", links.join(", ")));
    }
    made
}

#[test]
fn the_reference_of_the_command_line_is_what_the_program_says() {
    let command = command_line();
    let of_serve = settings(command.find_subcommand("serve").unwrap());
    let mut made = String::new();
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        describe(subcommand, &of_serve, subcommand.get_name(), 2, &mut made);
    }
    assert!(made.contains("### keys create"), "{made}");
    compare("reference/command-line.md", &made);
}

/// An error reason, as its comment has it.
struct ReasonRow {
    name: String,
    code: String,
    details: String,
    meaning: String,
    metadata: String,
}

impl ReasonRow {
    /// Reads a comment such as `ABORTED, with RetryInfo. Its meaning. Metadata: …`.
    fn read(name: &str, comment: &str) -> Self {
        let comment = comment.split_whitespace().collect::<Vec<_>>().join(" ");
        let (head, rest) = comment.split_once(". ").unwrap_or_else(|| panic!("{name} has no meaning"));
        let (code, details) = head.split_once(", with ").unwrap_or((head, ""));
        let (meaning, metadata) = rest.split_once(" Metadata").unwrap_or((rest, ""));
        let metadata = metadata.trim_start_matches(':').trim().trim_end_matches('.');
        Self {
            name: name.trim_start_matches("ERROR_REASON_").to_owned(),
            code: code.to_owned(),
            details: details.to_owned(),
            meaning: meaning.to_owned(),
            metadata: metadata.to_owned(),
        }
    }

    /// The caller's reaction to it.
    fn action(&self) -> &'static str {
        match self.name.as_str() {
            "IDEMPOTENCY_KEY_REUSED" => return "Use another key for another request.",
            "PAYMENT_METHOD_MISMATCH" => return "Use a payment method of the intent's customer.",
            "REFUND_EXCEEDS_PAYMENT" => return "Refund no more than the metadata says.",
            "UPSTREAM_REJECTED" => return "Correct what the message says; the call fails again as it is.",
            "REVISION_STALE" => return "Read the object, and decide anew.",
            "BLOCKED_BY_RISK" => return "Use another card.",
            "EXPORTS_LIMITED" => return "Wait until one has ended, as RetryInfo says.",
            "EVENT_STREAMS_LIMITED" => return "Close a stream, or wait as RetryInfo says.",
            _ => {}
        }
        match (self.code.as_str(), self.details.contains("RetryInfo")) {
            ("INVALID_ARGUMENT", _) => "Correct the request; it fails again as it is.",
            ("UNAUTHENTICATED", _) => "Send a valid key.",
            ("PERMISSION_DENIED", _) => "Use a key with the scope.",
            ("NOT_FOUND", _) => "Check the id, and whether the key is of the partner who owns the object.",
            ("ALREADY_EXISTS", _) => "Read the object that is named, or use another reference.",
            ("ABORTED", true) => "Wait as RetryInfo says, and repeat the call under the same idempotency key.",
            ("ABORTED", false) => "Begin again where the metadata says.",
            ("OUT_OF_RANGE", _) => "Begin where the metadata says, and read the objects that changed before.",
            ("FAILED_PRECONDITION", true) => {
                "Wait as RetryInfo says, read the object, and call again if that is still wanted."
            }
            ("FAILED_PRECONDITION", false) => "Read the object; the call fails again until its state has changed.",
            ("UNAVAILABLE" | "RESOURCE_EXHAUSTED", _) => "Wait as RetryInfo says, and repeat the call as it is.",
            ("DEADLINE_EXCEEDED", _) => "Repeat the call under the same idempotency key, or read the object.",
            ("UNIMPLEMENTED", _) => "Do not repeat it; this gateway cannot do it.",
            ("INTERNAL", _) => "Give `x-request-id` to the operator. Repeat under the same idempotency key, or read.",
            (code, _) => panic!("say in tests/it/references.rs what a caller does about {code}"),
        }
    }
}

/// The comment of a value of the file's first enum: path 5 (enums), 0, 2 (values), index.
fn comment(file: &FileDescriptorProto, place: usize) -> &str {
    let path = [5, 0, 2, i32::try_from(place).unwrap()];
    let locations = &file.source_code_info.as_ref().unwrap().location;
    locations.iter().find(|location| location.path == path).unwrap().leading_comments()
}

fn reasons(pool: &DescriptorPool) -> Vec<ReasonRow> {
    let reasons = pool.get_enum_by_name("corefy.gateway.v1.ErrorReason").unwrap();
    let file = reasons.parent_file().file_descriptor_proto().clone();
    let named = reasons.enum_descriptor_proto().value.iter().enumerate().skip(1);
    named.map(|(place, value)| ReasonRow::read(value.name(), comment(&file, place))).collect()
}

#[test]
fn the_reference_of_errors_is_what_the_protos_say() {
    let rows = reasons(&descriptors()).into_iter().map(|reason| {
        let code = match reason.details.as_str() {
            "" => quoted(&reason.code),
            details => format!("{}, with {details}", quoted(&reason.code)),
        };
        [quoted(&reason.name), code, reason.meaning.clone(), reason.metadata.clone(), reason.action().to_owned()]
    });
    compare("reference/errors.md", &table(["reason", "code", "meaning", "metadata", "what to do"], rows));
}

#[test]
fn a_comment_of_a_reason_is_read() {
    let reason =
        ReasonRow::read("ERROR_REASON_A_B", "ABORTED, with RetryInfo. It is\n so. Or so. Metadata: `a`, `b` (x).");
    assert_eq!((reason.name.as_str(), reason.code.as_str(), reason.details.as_str()), ("A_B", "ABORTED", "RetryInfo"));
    assert_eq!((reason.meaning.as_str(), reason.metadata.as_str()), ("It is so. Or so.", "`a`, `b` (x)"));
}

#[test]
fn the_reference_of_metrics_is_the_catalogue() {
    let row = |entry: &MetricEntry| {
        let labels: Vec<_> = entry.labels.iter().map(|label| quoted(label)).collect();
        let labels = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
        [quoted(entry.name), entry.kind.as_str().to_owned(), labels, entry.help.to_owned()]
    };
    compare("reference/metrics.md", &table(["metric", "type", "labels", "meaning"], CATALOGUE.iter().map(row)));
}

#[test]
fn the_reference_of_risk_rules_is_what_the_compiler_knows() {
    let name = |field: &Field| {
        let asked = match field.presence {
            Presence::Always => "always there".to_owned(),
            Presence::With(_) | Presence::Alone(_) => quoted(&format!("has({})", covering(field))),
        };
        [quoted(field.path), field.kind().to_owned(), asked, field.about.to_owned()]
    };
    let names = table(["name", "type", "to be asked first", "meaning"], schema::FIELDS.iter().map(name));
    let function = |function: &Function| [quoted(function.call), function.about.to_owned()];
    let functions = table(["function", "result"], FUNCTIONS.iter().map(function));
    let limits = [
        ("Bytes of a file", rule_set::MOST_FILE_BYTES),
        ("Rules of a set", rule_set::MOST_RULES),
        ("Characters of a name", rule_set::LONGEST_NAME),
        ("Characters of a description", rule_set::LONGEST_DESCRIPTION),
        ("Greatest priority", usize::try_from(rule_set::LAST_PRIORITY).unwrap()),
        ("Bytes of a condition", condition::MOST_BYTES),
        ("Levels of a condition", condition::MOST_LEVELS.into()),
        ("Faults that are shown at once", rule_set::MOST_FAULTS),
    ];
    let limits = table(["what", "at most"], limits.map(|(what, most)| [what.to_owned(), most.to_string()]));
    let made = format!("## Names\n\n{names}\n## Functions\n\n{functions}\n## Limits\n\n{limits}");
    compare("reference/risk-rules.md", &made);
}

/// The names of which one has to be asked for before this field is used.
fn covering(field: &Field) -> String {
    let of_group = |other: &&Field| other.presence == field.presence;
    match field.presence {
        Presence::With(_) => schema::FIELDS.iter().find(of_group).unwrap().path.to_owned(),
        Presence::Always | Presence::Alone(_) => field.path.to_owned(),
    }
}

#[test]
fn the_facts_about_the_commerce_api_are_those_that_the_dialect_relies_on() {
    let rows = FACTS
        .iter()
        .map(|fact| [fact.statement.to_owned(), fact.ground.as_str().to_owned(), fact.otherwise.to_owned()]);
    compare("commerce.md", &table(["fact", "ground", "if it is not so"], rows));
}
