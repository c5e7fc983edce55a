//! The tables of the documents say what the code does, their links lead somewhere, and the README is short.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use corefy_gateway::{
    domain::{audit::AuditAction, books::ExportedKind},
    sandbox::{
        COREFY_CARDS,
        cards::TEST_CARDS,
        faults::Switches,
        script::{ATTEMPT_WORDS, REFUND_WORDS},
        test_refunds::TEST_REFUNDS,
    },
};

const SANDBOX: &str = include_str!("../../docs/sandbox.md");

/// Lines of the README at most.
const MAX_README_LINES: usize = 150;

/// The rows of the first table below the heading, each with its cells, without the backquotes around what is typed.
pub fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let below =
        page.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading || !line.starts_with('#'));
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
    let rows = table(SANDBOX, heading);
    rows.iter().map(|row| (digits(row.first().unwrap()), row.last().unwrap().clone())).collect()
}

#[test]
fn every_test_card_is_documented() {
    let cards: Vec<_> = TEST_CARDS.iter().map(|card| (card.number.to_owned(), card.description.to_owned())).collect();
    assert_eq!(digits_and_words("Test cards"), cards);
}

#[test]
fn every_card_of_corefy_s_is_documented() {
    let cards = COREFY_CARDS.iter().map(|card| (card.number.to_owned(), card.description.to_owned()));
    assert_eq!(digits_and_words("Corefy's own test cards"), cards.collect::<Vec<_>>());
}

#[test]
fn every_test_refund_is_documented() {
    let refunds = TEST_REFUNDS.iter().map(|refund| (refund.ending.to_string(), refund.description.to_owned()));
    assert_eq!(digits_and_words("Test refunds"), refunds.collect::<Vec<_>>());
}

#[test]
fn every_word_of_a_script_is_documented() {
    let documented = |heading: &str| {
        let rows = table(SANDBOX, heading).into_iter();
        rows.map(|row| (row[0].replace('`', ""), row[1].clone())).filter(|(word, _)| word != "decline:CODE")
    };
    let attempts = ATTEMPT_WORDS.iter().map(|(word, _, meaning)| ((*word).to_owned(), (*meaning).to_owned()));
    assert!(documented("Words for attempts").eq(attempts));
    let refunds = REFUND_WORDS.iter().map(|(word, _, meaning)| ((*word).to_owned(), (*meaning).to_owned()));
    assert!(documented("Words for refunds").eq(refunds));
}

#[test]
fn every_switch_is_documented() {
    let documented: BTreeSet<_> = table(SANDBOX, "Switches").iter().map(|row| row[0].replace('`', "")).collect();
    let switches = serde_json::to_value(Switches::default()).unwrap();
    let known: BTreeSet<String> = switches.as_object().unwrap().keys().cloned().collect();
    assert_eq!(documented, known);
}

#[test]
fn every_decision_that_is_audited_is_documented() {
    let rows = table(include_str!("../../docs/audit.md"), "Audit: who decided what, and why");
    let first = rows.iter().map(|row| row.first().unwrap().replace('`', ""));
    let documented: BTreeSet<_> =
        first.flat_map(|cell| cell.split(", ").map(str::to_owned).collect::<Vec<_>>()).collect();
    let audited: BTreeSet<_> = AuditAction::ALL.iter().map(|action| action.as_str().to_owned()).collect();
    assert_eq!(documented, audited);
}

#[test]
fn every_column_of_the_books_is_documented() {
    for kind in ExportedKind::ALL {
        let rows = table(include_str!("../../docs/books.md"), &format!("Columns of {}", kind.as_str()));
        let documented: Vec<_> = rows.iter().map(|row| (row[0].replace('`', ""), row[1].clone())).collect();
        let headings = kind.headings();
        let columns = headings.iter().map(|heading| {
            let none = if heading.is_required { "" } else { " or none" };
            (heading.name.to_owned(), format!("{}{none}", heading.kind.as_str()))
        });
        assert_eq!(documented, columns.collect::<Vec<_>>(), "{kind:?}");
    }
}

#[test]
fn a_table_is_read_row_by_row() {
    let page =
        "# A\n\n| x |\n|---|\n| no |\n\n### B\n\nText.\n\n| x | y |\n|---|---|\n| `1 2` | `z` |\n| 3 | w |\n\n| n |\n";
    assert_eq!(table(page, "B"), [["`1 2`", "`z`"], ["3", "w"]]);
    assert!(table(page, "C").is_empty());
}

/// The root of the checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages whose links are followed: in the root, in `docs/` and in the clients.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let named = [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "clients/README.md",
        "clients/scenario/README.md",
    ];
    pages.extend(named.map(|page| root().join(page)));
    pages.sort();
    pages
}

/// The lines of a page that stand in no fenced block.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The targets of the links of a page, without those that stand in code.
fn links(page: &str) -> Vec<String> {
    let text: String = prose(page).collect::<Vec<_>>().join("\n");
    let mut links = Vec::new();
    for part in text.split("](").skip(1) {
        links.extend(part.split(')').next().map(str::to_owned));
    }
    links
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &str) -> Vec<String> {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(anchor).collect()
}

/// The broken links of a page in this folder.
fn dead_links(folder: &Path, path: &Path, page: &str) -> Vec<String> {
    let is_dead = |link: &String| {
        if link.contains("://") {
            return false;
        }
        let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
        let target = if file.is_empty() { path.to_owned() } else { folder.join(file) };
        match anchor {
            None => !target.exists(),
            Some(anchor) => match fs::read_to_string(target) {
                Ok(page) => !anchors(&page).iter().any(|known| known == anchor),
                Err(_) => true,
            },
        }
    };
    links(page).into_iter().filter(is_dead).map(|link| format!("{}: {link}", path.display())).collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut followed = 0;
    let mut dead = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        followed += links(&page).len();
        dead.extend(dead_links(path.parent().unwrap(), &path, &page));
    }
    assert!(dead.is_empty(), "{dead:#?}");
    assert!(followed > 60, "{followed}");
}

#[test]
fn a_link_to_a_missing_page_or_heading_is_found() {
    let page = "# A b, c!\n\n[1](#a-b-c) [2](#no) [3](docs/none.md) [4](docs/README.md#none) [5](LICENSE) [6](https://a.b/c)\n\
                ```\n[7](nothing)\n```\n";
    let dead = dead_links(root(), &root().join("docs/README.md"), page);
    let ends: Vec<_> = dead.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(ends, ["#a-b-c", "#no", "docs/none.md", "docs/README.md#none"]);
    assert_eq!(anchors(page), ["a-b-c"]);
}

#[test]
fn every_page_is_named_by_the_index() {
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    let docs = root().join("docs");
    let below = pages().into_iter().filter_map(|page| Some(page.strip_prefix(&docs).ok()?.display().to_string()));
    let linked = links(&index);
    let missing: Vec<_> = below.filter(|page| page != "README.md" && !linked.contains(page)).collect();
    assert!(missing.is_empty(), "docs/README.md does not name {missing:?}");
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= MAX_README_LINES, "{lines} lines: move what is not for every reader to docs/");
}

#[test]
fn every_package_has_the_licence_and_names_the_repository() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let licence = read("LICENSE");
    assert!(licence.contains("Apache License") && licence.contains("corefy-gateway contributors"), "{licence}");
    let manifests = [
        "Cargo.toml",
        "clients/python/pyproject.toml",
        "clients/typescript/package.json",
        "clients/java/pom.xml",
        "clients/kotlin/pom.xml",
        "clients/ruby/corefy-gateway.gemspec",
        "clients/cpp/CMakeLists.txt",
        "clients/go/README.md",
    ];
    for path in manifests {
        let folder = Path::new(path).parent().unwrap();
        let own = fs::read_to_string(root().join(folder).join("LICENSE")).unwrap_or_default();
        assert!(own == licence, "the LICENSE beside {path} is not that of the root");
        let manifest = read(path);
        assert!(manifest.contains("https://github.com/corefy/corefy-gateway"), "{path} names no repository");
        // Go and CMake have the file alone.
        let names = manifest.contains("Apache-2.0") || path.contains("/go/") || path.contains("/cpp/");
        assert!(names, "{path} names no licence");
    }
}
