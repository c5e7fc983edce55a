//! The operator's files about BINs, domains and IP addresses are read whole or refused with their fault, whatever is in them.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use corefy_gateway::{
    domain::risk::rates::Rates,
    reference_data::{ReferenceData, ReferenceFiles},
};
use tempfile::TempDir;

use super::choices::Choices;

/// Domains that are asked for, in lower case.
const DOMAINS: [&str; 4] = ["", "example.com", "mail.example.com", "käse.example"];

thread_local! {
    static FOLDER: TempDir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("there is room");
}

/// Takes a byte for the kind of file, and its content.
pub fn a_file_is_read_whole_or_refused(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = choices.byte() % 3;
    let file = FOLDER.with(|folder| folder.path().join("file"));
    fs::write(&file, choices.rest()).expect("it can be written");
    match ReferenceData::load(files(kind, file), Rates::default()) {
        Ok(data) => ask(&data),
        Err(faults) => assert!(faults.each().all(|fault| fault.to_string().contains("file: ")), "{faults}"),
    }
}

fn files(kind: u8, file: PathBuf) -> ReferenceFiles {
    match kind {
        0 => ReferenceFiles { bin_table: Some(file), ..ReferenceFiles::default() },
        1 => ReferenceFiles { disposable_domains: Some(file), ..ReferenceFiles::default() },
        _ => ReferenceFiles { ip_databases: vec![file], ..ReferenceFiles::default() },
    }
}

/// Asks for all kinds of facts: each has the form that rules expect.
fn ask(data: &ReferenceData) {
    for bin in ["411111", "", "41111", "4111111", "ab\u{e4}cd"] {
        let facts = data.card(bin);
        assert!(facts.country.is_none_or(|country| country.len() == 2), "a country of another length");
        let fundings = ["credit", "debit", "prepaid"];
        assert!(facts.funding.is_none_or(|funding| fundings.contains(&&*funding)), "an unknown funding");
    }
    let listed = DOMAINS.iter().filter(|domain| data.is_disposable(domain)).count();
    assert!(listed < DOMAINS.len(), "the empty domain is on the list");
    for address in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into(), Ipv4Addr::new(81, 2, 69, 160).into()]
    {
        let facts = data.ip(address);
        assert!(facts.country.is_none_or(|country| country.len() == 2), "a country of another length");
        assert!(facts.network.is_none_or(|network| network.starts_with("AS")), "a network without its number");
    }
}
