//! Databases of IP addresses in MaxMind's format, as MaxMind, DB-IP and others publish them: countries, autonomous systems, or
//! both.

use std::net::IpAddr;

use maxminddb::{PathElement, Reader};

/// The facts about an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpFacts {
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The autonomous system, such as `AS64496`.
    pub network: Option<String>,
}

/// One file.
pub(super) struct IpDatabase(Reader<Vec<u8>>);

impl IpDatabase {
    pub(super) fn read(content: Vec<u8>) -> Result<Self, String> {
        Reader::from_source(content).map(Self).map_err(|cause| cause.to_string())
    }

    /// The facts that the file has about the address. An entry that cannot be read says nothing.
    pub(super) fn get(&self, address: IpAddr) -> IpFacts {
        let Ok(found) = self.0.lookup(address.to_canonical()) else { return IpFacts::default() };
        let country = found.decode_path::<String>(&[PathElement::Key("country"), PathElement::Key("iso_code")]);
        let number = found.decode_path::<u32>(&[PathElement::Key("autonomous_system_number")]);
        IpFacts {
            country: country.ok().flatten().filter(|country| country.len() == 2),
            network: number.ok().flatten().map(|number| format!("AS{number}")),
        }
    }
}
