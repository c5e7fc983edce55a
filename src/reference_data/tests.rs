//! Files, good and bad, and their changes.

use std::{fs, path::Path, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::domain::money::Currency;

fn write(directory: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let file = directory.path().join(name);
    fs::write(&file, content).unwrap();
    file
}

fn load(files: ReferenceFiles) -> Result<ReferenceData, Vec<String>> {
    let loaded = ReferenceData::load(files, Rates::default());
    loaded.map_err(|faults| faults.each().map(ToString::to_string).collect())
}

fn bins(content: &str) -> Result<BinTable, String> {
    BinTable::read(content.as_bytes().to_vec())
}

fn facts(country: &str, funding: &str, issuer: &str) -> BinFacts {
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    BinFacts { country: known(country), funding: known(funding), issuer: known(issuer) }
}

#[test]
fn a_card_is_known_by_its_first_six_digits() {
    let table = bins(
        "bin,country,funding,issuer\n\
         411111,US,credit,\"Jane's, Bank\"\n\
         51000000, DE, debit, A\n\
         51000001,DE,prepaid,A\n\
         52000000,DE,debit,A\n\
         520000,FR,,\n\
         5200001,IT,credit,C\n\
         000001,,,\n",
    )
    .unwrap();
    for (bin, expected) in [
        ("411111", facts("US", "credit", "Jane's, Bank")),
        ("41111111", facts("US", "credit", "Jane's, Bank")),
        ("510000", facts("DE", "", "A")),
        ("520000", facts("FR", "", "")),
        ("000001", BinFacts::default()),
        ("999999", BinFacts::default()),
        ("4111", BinFacts::default()),
        ("", BinFacts::default()),
    ] {
        assert_eq!(table.get(bin), expected, "{bin}");
    }
    let other_order = bins("\u{feff}issuer,bin\nA,411111\n").unwrap();
    assert_eq!(other_order.get("411111"), facts("", "", "A"));
}

#[test]
fn a_table_with_a_fault_is_refused_with_its_line() {
    for (content, fault) in [
        ("", "line 1: must name the columns bin, country, funding, issuer"),
        ("country,issuer\nDE,A\n", "line 1: must name the columns bin, country, funding, issuer"),
        ("bin,country,funding,issuer\n41111,,,\n", "line 2: `bin` must be 6 to 8 digits"),
        ("bin,country,funding,issuer\n\n411111,,,\n41111a,,,\n", "line 4: `bin` must be 6 to 8 digits"),
        ("bin,country\n411111,de\n", "line 2: `country` must be ISO 3166-1 alpha-2 in upper case, or empty"),
        ("bin,funding\n411111,charge\n", "line 2: `funding` must be credit, debit or prepaid, or empty"),
    ] {
        assert_eq!(bins(content).err().as_deref(), Some(fault), "{content:?}");
    }
    assert!(bins("bin,country\n411111\n").is_err(), "a row that lacks a column");
}

#[test]
fn a_domain_is_disposable_with_all_below_it() {
    let list = DisposableDomains::read(b"# known ones\r\nMailinator.example\n\n  trash.example \n".to_vec()).unwrap();
    for (domain, is_disposable) in [
        ("mailinator.example", true),
        ("a.b.trash.example", true),
        ("xtrash.example", false),
        ("example", false),
        ("", false),
    ] {
        assert_eq!(list.has(domain), is_disposable, "{domain}");
    }
    for (content, fault) in [
        (&b"trash.example\nnot a domain\n"[..], "line 2: must be a domain such as example.com"),
        (b"jane@trash.example", "line 1: must be a domain such as example.com"),
        (b"\xff", "is not UTF-8"),
    ] {
        assert_eq!(DisposableDomains::read(content.to_vec()).err().as_deref(), Some(fault));
    }
}

#[test]
fn an_address_is_known_by_all_files_together() {
    let directory = TempDir::new().unwrap();
    let country = map(&[("country", map(&[("iso_code", text("DE"))]))]);
    let countries = write(&directory, "countries.mmdb", mmdb([203, 0, 113], &country));
    let networks =
        write(&directory, "networks.mmdb", mmdb([203, 0, 113], &map(&[("autonomous_system_number", number(64496))])));
    let odd = write(&directory, "odd.mmdb", mmdb([203, 0, 113], &map(&[("country", text("DE"))])));
    let data = load(ReferenceFiles { ip_databases: vec![odd, countries, networks], ..Default::default() }).unwrap();
    let ip = |address: &str| data.ip(address.parse().unwrap());
    let known = IpFacts { country: Some("DE".to_owned()), network: Some("AS64496".to_owned()) };
    assert_eq!(ip("203.0.113.7"), known);
    assert_eq!(ip("::ffff:203.0.113.7"), known);
    for unknown in ["203.0.114.7", "2001:db8::1"] {
        assert_eq!(ip(unknown), IpFacts::default(), "{unknown}");
    }
}

#[test]
fn every_file_that_cannot_be_used_is_named() {
    let directory = TempDir::new().unwrap();
    let files = ReferenceFiles {
        bin_table: Some(write(&directory, "bins.csv", "bin\n1\n")),
        ip_databases: vec![write(&directory, "ips.mmdb", "not a database"), directory.path().join("none.mmdb")],
        disposable_domains: Some(directory.path().to_owned()),
    };
    let faults = load(files).unwrap_err();
    let starts = [
        ("GATEWAY_RISK_BIN_TABLE", "/bins.csv: line 2: `bin` must be 6 to 8 digits"),
        ("GATEWAY_RISK_IP_DATABASE", "/ips.mmdb: "),
        ("GATEWAY_RISK_IP_DATABASE", "/none.mmdb: No such file"),
        ("GATEWAY_RISK_DISPOSABLE_DOMAINS", ": Is a directory"),
    ];
    for (fault, (variable, start)) in faults.iter().zip(starts) {
        assert!(fault.starts_with(&format!("{variable}: {}{start}", directory.path().display())), "{fault}");
    }
    assert_eq!(faults.len(), starts.len());
}

/// Writes the file again so that its time differs.
fn change(file: &Path, content: &str, after: u64) {
    fs::write(file, content).unwrap();
    let time = fs::metadata(file).unwrap().modified().unwrap() + Duration::from_secs(after);
    fs::File::options().append(true).open(file).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_file_is_read_again_when_it_changes_and_kept_when_it_breaks() {
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "bins.csv", "bin,country\n411111,US\n");
    let data = load(ReferenceFiles { bin_table: Some(file.clone()), ..Default::default() }).unwrap();
    let country = || data.card("411111").country;
    assert_eq!(country().as_deref(), Some("US"));
    for (content, expected) in
        [("bin,country\n411111,DE\n", "DE"), ("bin,country\n411111,broken\n", "DE"), ("bin,country\n411111,FR\n", "FR")]
    {
        change(&file, content, 10);
        data.look();
        assert_eq!(country().as_deref(), Some(expected), "{content}");
    }
    fs::remove_file(&file).unwrap();
    data.look();
    assert_eq!(country().as_deref(), Some("FR"));
}

#[test]
fn without_files_nothing_is_known() {
    let data = ReferenceData::default();
    assert_eq!(data.card("411111"), BinFacts::default());
    assert_eq!(data.ip([203, 0, 113, 7].into()), IpFacts::default());
    assert!(!data.is_disposable("mailinator.example"));
    assert_eq!(data.base(Money::new(1, Currency::parse_existing("USD").unwrap())), None);
}

fn control(kind: u8, size: usize) -> Vec<u8> {
    assert!(size < 29, "longer ones are written otherwise");
    let size = u8::try_from(size).unwrap();
    if kind < 8 { vec![kind << 5 | size] } else { vec![size, kind - 7] }
}

fn text(text: &str) -> Vec<u8> {
    [control(2, text.len()), text.into()].concat()
}

fn number(number: u32) -> Vec<u8> {
    [control(6, 4), number.to_be_bytes().into()].concat()
}

fn small(number: u16) -> Vec<u8> {
    [control(5, 2), number.to_be_bytes().into()].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries = entries.iter().flat_map(|(key, value)| [text(key), value.clone()]);
    [vec![control(7, entries.clone().count() / 2)], entries.collect()].concat().concat()
}

/// A database of IPv4 addresses in which one network of 24 bits has an entry.
fn mmdb(network: [u8; 3], entry: &[u8]) -> Vec<u8> {
    const BITS: u32 = 24;
    const SEPARATOR: u32 = 16;
    let bits = network.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let record = |value: u32| value.to_be_bytes()[1..].to_vec();
    let nodes = (0_u32..).zip(bits).flat_map(|(node, bit)| {
        let next = if node + 1 == BITS { BITS + SEPARATOR } else { node + 1 };
        let sides = if bit == 0 { [next, BITS] } else { [BITS, next] };
        sides.map(record).concat()
    });
    let metadata = map(&[
        ("binary_format_major_version", small(2)),
        ("binary_format_minor_version", small(0)),
        ("build_epoch", [control(9, 8), 1_u64.to_be_bytes().into()].concat()),
        ("database_type", text("test")),
        ("description", map(&[])),
        ("ip_version", small(4)),
        ("languages", control(11, 0)),
        ("node_count", number(BITS)),
        ("record_size", small(24)),
    ]);
    [nodes.collect(), vec![0; 16], entry.to_vec(), b"\xab\xcd\xefMaxMind.com".to_vec(), metadata].concat()
}
