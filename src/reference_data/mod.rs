//! The knowledge of the operator about BINs, IP addresses, domains and currencies, for the rules of risk: from files of the operator's,
//! which are read again when they change.

use std::{net::IpAddr, path::PathBuf};

use crate::domain::{money::Money, risk::rates::Rates};

use bin_table::BinTable;
use disposable_domains::DisposableDomains;
use ip_database::IpDatabase;
use watched::Watched;

mod bin_table;
mod disposable_domains;
mod ip_database;
mod watched;

pub use bin_table::BinFacts;
pub use ip_database::IpFacts;
pub use watched::{FileFault, FileFaults};

/// The settings that name the files.
const BIN_TABLE: &str = "GATEWAY_RISK_BIN_TABLE";
const IP_DATABASE: &str = "GATEWAY_RISK_IP_DATABASE";
const DISPOSABLE_DOMAINS: &str = "GATEWAY_RISK_DISPOSABLE_DOMAINS";

/// Where the data is. What is not given is not known.
#[derive(Clone, Debug, Default)]
pub struct ReferenceFiles {
    /// CSV with the columns `bin`, `country`, `funding` and `issuer`.
    pub bin_table: Option<PathBuf>,
    /// MMDB files with countries, autonomous systems or both.
    pub ip_databases: Vec<PathBuf>,
    /// Domains that give disposable addresses, one a line.
    pub disposable_domains: Option<PathBuf>,
}

/// The data as it is in the files, but for the seconds that a change takes to be seen.
#[derive(Debug, Default)]
pub struct ReferenceData {
    bins: Option<Watched<BinTable>>,
    ips: Vec<Watched<IpDatabase>>,
    domains: Option<Watched<DisposableDomains>>,
    rates: Rates,
}

impl ReferenceData {
    /// Reads all files.
    ///
    /// # Errors
    /// The first fault of each file that cannot be used: nothing is read by halves.
    pub fn load(files: ReferenceFiles, rates: Rates) -> Result<Self, FileFaults> {
        let mut faults = Vec::new();
        let bins = files.bin_table.and_then(|file| noted(Watched::load(BIN_TABLE, file, BinTable::read), &mut faults));
        let ips = files.ip_databases.into_iter();
        let ips =
            ips.filter_map(|file| noted(Watched::load(IP_DATABASE, file, IpDatabase::read), &mut faults)).collect();
        let domains = files.disposable_domains;
        let domains = domains
            .and_then(|file| noted(Watched::load(DISPOSABLE_DOMAINS, file, DisposableDomains::read), &mut faults));
        if faults.is_empty() { Ok(Self { bins, ips, domains, rates }) } else { Err(FileFaults(faults)) }
    }

    /// Reads the files again that have changed. One that cannot be used is logged, and what was known before stays. Reads files:
    /// not to be called on a thread that serves calls.
    pub fn look(&self) {
        self.bins.iter().for_each(Watched::look);
        self.ips.iter().for_each(Watched::look);
        self.domains.iter().for_each(Watched::look);
    }

    /// The facts about cards with these six digits.
    pub fn card(&self, bin: &str) -> BinFacts {
        self.bins.as_ref().map(|bins| bins.current().get(bin)).unwrap_or_default()
    }

    /// The facts about an address: of each fact, the first file that has it says it.
    pub fn ip(&self, address: IpAddr) -> IpFacts {
        let found = self.ips.iter().map(|database| database.current().get(address));
        found.fold(IpFacts::default(), |known, more| IpFacts {
            country: known.country.or(more.country),
            network: known.network.or(more.network),
        })
    }

    /// Whether the domain, in lower case, or one above it gives disposable addresses.
    pub fn is_disposable(&self, domain: &str) -> bool {
        self.domains.as_ref().is_some_and(|domains| domains.current().has(domain))
    }

    /// The amount in the base currency, about; `None` without a rate.
    pub fn base(&self, amount: Money) -> Option<Money> {
        self.rates.base(amount)
    }
}

fn noted<T>(read: Result<T, FileFault>, faults: &mut Vec<FileFault>) -> Option<T> {
    read.map_err(|fault| faults.push(fault)).ok()
}

#[cfg(test)]
mod tests;
