//! The tables of the README say what the code does.

use corefy_gateway::sandbox::{amounts::TEST_REFUNDS, cards::TEST_CARDS};

use crate::support::program::output;

const README: &str = include_str!("../../README.md");

/// The rows of the first table below the heading, each with its cells, without the backquotes around what is typed.
pub fn table(readme: &str, heading: &str) -> Vec<Vec<String>> {
    let below =
        readme.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading || !line.starts_with('#'));
    let table = below.skip(1).take_while(|line| !line.starts_with('#')).skip_while(|line| !line.starts_with('|'));
    let rows = table.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

/// The digits of a text.
fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The first cell's digits, and the last cell, of each row of the table.
fn digits_and_words(heading: &str) -> Vec<(String, String)> {
    let rows = table(README, heading);
    rows.iter().map(|row| (digits(row.first().unwrap()), row.last().unwrap().clone())).collect()
}

#[test]
fn every_test_card_is_in_the_readme() {
    let cards: Vec<_> = TEST_CARDS.iter().map(|card| (card.number.to_owned(), card.description.to_owned())).collect();
    assert_eq!(digits_and_words("Test cards"), cards);
}

#[test]
fn every_test_refund_is_in_the_readme() {
    let refunds = TEST_REFUNDS.iter().map(|refund| (refund.ending.to_string(), refund.description.to_owned()));
    assert_eq!(digits_and_words("Test refunds"), refunds.collect::<Vec<_>>());
}

#[test]
fn every_setting_of_serve_is_in_the_readme_and_no_other_is_made_up() {
    let told: Vec<String> = table(README, "Settings").iter().map(|row| row[0].replace('`', "")).collect();
    let of_serve = variables("serve");
    assert!(of_serve.len() > 15, "{of_serve:?}");
    let missing: Vec<_> = of_serve.iter().filter(|variable| !told.contains(variable)).collect();
    assert!(missing.is_empty(), "the README's table of settings lacks {missing:?}");
    let known: Vec<_> = ["serve", "dev", "sandbox", "try"].into_iter().flat_map(variables).collect();
    let made_up: Vec<_> = told.iter().filter(|variable| !known.contains(variable)).collect();
    assert!(made_up.is_empty(), "the README's table of settings has {made_up:?}");
}

/// The variables that the help of a command names.
fn variables(command: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let help = String::from_utf8(output(directory.path(), &[command, "--help"], &[]).stdout).unwrap();
    let help: String = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let named = help.split("[env: ").skip(1).filter_map(|text| text.split(['=', ']']).next());
    named.map(str::to_owned).collect()
}

#[test]
fn a_table_is_read_row_by_row() {
    let readme =
        "# A\n\n| x |\n|---|\n| no |\n\n### B\n\nText.\n\n| x | y |\n|---|---|\n| `1 2` | `z` |\n| 3 | w |\n\n| n |\n";
    assert_eq!(table(readme, "B"), [["`1 2`", "`z`"], ["3", "w"]]);
    assert!(table(readme, "C").is_empty());
}
