//! The files that the gateway is deployed by, image, compose, systemd, Kubernetes and Grafana, name settings, metrics and alerts that exist.

use std::{collections::BTreeSet, fs, path::Path};

use clap::Command;
use corefy_gateway::{
    cli,
    config::local::SandboxKeys,
    telemetry::catalogue::{CATALOGUE, MetricKind},
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// The files that set something, from the root of the checkout.
const FILES: [&str; 8] = [
    "Dockerfile",
    "compose.yaml",
    "deploy/compose/commerce.yaml",
    "deploy/compose/dev.env",
    "deploy/debian/corefy-gateway.env",
    "deploy/debian/corefy-gatewayctl",
    "deploy/kubernetes/base/settings.env",
    "deploy/systemd/corefy-gateway.service",
];
/// The beginnings of the names of settings.
const OURS: [&str; 3] = ["COREFY_", "GATEWAY_", "DATABASE_"];

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The words of a text that are made of these letters.
fn words(text: &str, is_part: fn(char) -> bool) -> BTreeSet<String> {
    text.split(|letter| !is_part(letter)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The settings of a command and of those below it, with the variables that name files of secrets.
fn settings(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|arg| {
        let name = arg.get_env()?.to_str()?.to_owned();
        let by_file = arg.is_hide_env_values_set().then(|| format!("{name}_FILE"));
        Some([Some(name), by_file].into_iter().flatten())
    });
    own.flatten().chain(command.get_subcommands().flat_map(settings)).collect()
}

#[test]
fn every_setting_that_is_deployed_exists() {
    let known = settings(&cli::command_line());
    let is_setting = |word: &String| OURS.iter().any(|start| word.starts_with(start));
    let mut count = 0;
    for file in FILES {
        let named = words(&text(file), |letter| letter.is_ascii_uppercase() || letter == '_');
        for name in named.iter().filter(|word| is_setting(word)) {
            assert!(known.contains(name), "{file} sets {name}, which is no setting");
            count += 1;
        }
    }
    assert!(count > 30, "these cannot be all: {count}");
}

#[test]
fn compose_has_the_keys_of_the_sandbox() {
    let keys = SandboxKeys::default();
    for (name, key) in [
        ("corefy-api-key", keys.api_key),
        ("corefy-secret-key", keys.secret_key),
        ("corefy-client-key", keys.client_key),
        ("corefy-webhook-secret", keys.webhook_secret),
    ] {
        assert_eq!(text(&format!("deploy/compose/dev-secrets/{name}")).trim_end(), key.expose_secret(), "{name}");
    }
}

/// The number that follows `start` in a text.
fn number_after(text: &str, start: &str) -> u32 {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start:?}"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn nothing_kills_a_gateway_before_it_has_drained() {
    let command = cli::command_line();
    let serve = command.find_subcommand("serve").unwrap();
    let drain = serve.get_arguments().find(|arg| arg.get_id() == "gateway_drain_seconds").unwrap();
    let drain: u32 = drain.get_default_values()[0].to_str().unwrap().parse().unwrap();
    for (file, start, pause) in [
        ("compose.yaml", "stop_grace_period: ", 0),
        ("deploy/systemd/corefy-gateway.service", "TimeoutStopSec=", 0),
        ("deploy/kubernetes/base/deployment.yaml", "terminationGracePeriodSeconds: ", 5),
    ] {
        let given = number_after(&text(file), start);
        assert!(given > pause + drain, "{file} kills after {given} s, of which {pause} s are a pause before the end");
    }
    assert_eq!(number_after(&text("deploy/kubernetes/base/deployment.yaml"), "seconds: "), 5, "the pause");
}

#[test]
fn the_image_is_built_by_a_rust_that_is_new_enough() {
    let minimum = number_after(&text("Cargo.toml"), "rust-version = \"1.");
    assert!(number_after(&text("Dockerfile"), "rust:1.") >= minimum);
}

#[test]
fn selectors_of_kubernetes_mean_the_gateway_and_callers_are_told_by_their_own_label() {
    let base = |file: &str| text(&format!("deploy/kubernetes/base/{file}"));
    let name = "app.kubernetes.io/name: corefy-gateway";
    let files = ["deployment.yaml", "disruption-budget.yaml", "network-policy.yaml", "service.yaml"];
    for file in files {
        let lines: Vec<_> = base(file).lines().map(|line| line.trim().to_owned()).collect();
        let selectors =
            lines.iter().enumerate().filter(|(_, line)| ["selector:", "podSelector:"].contains(&line.as_str()));
        let chosen: Vec<_> = selectors.map(|(at, _)| lines[at + 1..at + 3].join(" ")).collect();
        assert!(!chosen.is_empty() && chosen.iter().all(|labels| labels.contains(name)), "{file}: {chosen:?}");
    }
    let policy = base("network-policy.yaml");
    let callers =
        "- podSelector:\n            matchLabels:\n              corefy-gateway/caller: \"true\"\n      ports:";
    assert!(policy.contains(callers), "{policy}");
    // It would add the gateway's own label to those of the callers.
    assert!(!base("kustomization.yaml").contains("includeSelectors: true"));
}

/// The panels of the board, with those that have expressions alone.
fn panels() -> Vec<Value> {
    let board: Value = serde_json::from_str(&text("deploy/grafana/board.json")).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    panels.filter(|panel| panel["type"] != "row").cloned().collect()
}

#[test]
fn the_board_has_a_panel_for_each_alert() {
    let alerts = text("docs/alerts.yml");
    let alerts = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let described: BTreeSet<_> =
        panels().iter().filter_map(|panel| Some(panel["description"].as_str()?.to_owned())).collect();
    let expected: BTreeSet<_> = alerts.map(|alert| format!("Alert {alert}.")).collect();
    assert_eq!(described, expected);
}

#[test]
fn every_expression_of_the_board_names_metrics_and_labels_that_exist() {
    let mut count = 0;
    for panel in panels() {
        for target in panel["targets"].as_array().unwrap() {
            let (expression, legend) = (target["expr"].as_str().unwrap(), target["legendFormat"].as_str().unwrap());
            let labels = labels_of_metrics(expression);
            let shown = legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap());
            for label in grouped_by(expression).chain(shown) {
                assert!(label == "le" || labels.contains(&label), "{expression} has no label {label}");
            }
            count += 1;
        }
    }
    assert!(count > 30, "these cannot be all: {count}");
}

/// The labels of the metrics that the expression names, at least one of which it must.
fn labels_of_metrics(expression: &str) -> Vec<&'static str> {
    let words = words(expression, |letter| letter.is_ascii_alphanumeric() || letter == '_');
    let metrics = words.iter().filter(|word| word.starts_with("corefy_gateway_"));
    let entries = metrics.map(|name| {
        let known = CATALOGUE.iter().find(|entry| {
            let is_histogram = entry.kind == MetricKind::Histogram;
            if is_histogram { *name == format!("{}_bucket", entry.name) } else { name == entry.name }
        });
        known.unwrap_or_else(|| panic!("{expression} names {name}, which is no metric"))
    });
    let labels: Vec<_> = entries.map(|entry| entry.labels).collect();
    assert!(!labels.is_empty(), "{expression} names no metric");
    labels.concat()
}

/// The labels that the expression keeps.
fn grouped_by(expression: &str) -> impl Iterator<Item = &str> {
    let lists = expression.split(" by (").skip(1).map(|rest| rest.split(')').next().unwrap());
    lists.flat_map(|list| list.split(", "))
}
