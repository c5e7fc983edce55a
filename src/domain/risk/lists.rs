//! Lists: named sets of cards, BINs, people, addresses and countries, that rules ask for and that block by themselves.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
};

use ipnet::IpNet;

use super::{
    inputs::RiskInputs,
    subject::{Dimension, SubjectId},
};
use crate::domain::{clock::Timestamp, words::words};

/// The most entries of all lists together.
pub const MOST_ENTRIES: usize = 100_000;
/// The most lists, those included that block by themselves.
pub const MOST_LISTS: usize = 100;

words! {
    /// The kinds of lists, by what is in them.
    ListKind {
        /// Card numbers, as subjects.
        Card => "card",
        /// BINs, of six digits.
        Bin => "bin",
        /// Email addresses, as subjects.
        Email => "email",
        /// Domains of email addresses, in lower case.
        Domain => "domain",
        /// IP addresses as subjects, and networks.
        Ip => "ip",
        /// Countries, as ISO 3166-1 alpha-2 in upper case.
        Country => "country",
        /// Ids of customers.
        Customer => "customer",
    }
}

/// The lists that block by themselves, with their kinds, in the order in which they are looked at. They exist always.
pub const HARD_LISTS: [(&str, ListKind); 7] = [
    ("blocked_cards", ListKind::Card),
    ("blocked_bins", ListKind::Bin),
    ("blocked_emails", ListKind::Email),
    ("blocked_domains", ListKind::Domain),
    ("blocked_ips", ListKind::Ip),
    ("blocked_countries", ListKind::Country),
    ("blocked_customers", ListKind::Customer),
];

/// The kind of the list that blocks by itself under this name, if one does.
pub fn hard_list(name: &str) -> Option<ListKind> {
    HARD_LISTS.iter().find(|(hard, _)| *hard == name).map(|(_, kind)| *kind)
}

/// Whether a list of the operator's may be called so: 1 to 40 of `a-z0-9_`, a letter first.
pub fn is_list_name(name: &str) -> bool {
    const LONGEST: usize = 40;
    (1..=LONGEST).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The payer's IP address, as lists look at it: networks can be asked about an address only, and it is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayerIp<'a> {
    /// The caller sent none.
    #[default]
    Unknown,
    /// The address, while the attempt is decided about.
    Address(IpAddr),
    /// The names of the lists that had it, of a decision that was made before.
    WasOn(&'a [String]),
}

impl From<Option<IpAddr>> for PayerIp<'_> {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Unknown, Self::Address)
    }
}

/// All lists, in memory.
#[derive(Clone, Debug)]
pub struct Lists {
    lists: BTreeMap<String, List>,
    entries: usize,
}

/// The moment from which an entry does not count any more.
type Expiry = Option<Timestamp>;

#[derive(Clone, Debug)]
struct List {
    kind: ListKind,
    values: HashMap<String, Expiry>,
    networks: HashMap<IpNet, Expiry>,
    /// The lengths of the networks' prefixes: each is one look into `networks`.
    prefixes: BTreeSet<u8>,
}

/// A change that cannot be made to the lists in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// There are [`MOST_LISTS`] or [`MOST_ENTRIES`] already.
    #[error("there are as many lists or entries as there may be")]
    Full,
    /// No list has this name.
    #[error("no list has this name")]
    NoList,
    /// A list of another kind has this name.
    #[error("a list of another kind has this name")]
    OtherKind,
}

impl Default for Lists {
    fn default() -> Self {
        let list = |(name, kind): (&str, ListKind)| (name.to_owned(), List::new(kind));
        Self { lists: HARD_LISTS.into_iter().map(list).collect(), entries: 0 }
    }
}

impl Lists {
    /// Adds an empty list; one that exists with this kind stays as it is.
    pub fn add_list(&mut self, name: &str, kind: ListKind) -> Result<(), ListFault> {
        match self.lists.get(name) {
            Some(list) if list.kind == kind => Ok(()),
            Some(_) => Err(ListFault::OtherKind),
            None if self.lists.len() >= MOST_LISTS => Err(ListFault::Full),
            None => {
                self.lists.insert(name.to_owned(), List::new(kind));
                Ok(())
            }
        }
    }

    /// Adds an entry, in the form in which entries are kept: a subject, a text or a network. Of one that is there already, the
    /// expiry is replaced.
    pub fn add(&mut self, list: &str, value: &str, expires_at: Expiry) -> Result<(), ListFault> {
        let list = self.lists.get_mut(list).ok_or(ListFault::NoList)?;
        if self.entries >= MOST_ENTRIES {
            return Err(ListFault::Full);
        }
        if list.add(value, expires_at) {
            self.entries += 1;
        }
        Ok(())
    }

    /// The names and kinds of all lists, by name.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, ListKind)> {
        self.lists.iter().map(|(name, list)| (name.as_str(), list.kind))
    }

    /// The kind of this list; `None` where there is no such list.
    pub fn kind(&self, list: &str) -> Option<ListKind> {
        self.lists.get(list).map(|list| list.kind)
    }

    /// The number of entries of all lists, expired ones included.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether no list has an entry.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Whether `list` has `value` at this moment: a subject, a BIN, a domain, a country or a customer's id. `ip` counts for lists
    /// of IP addresses only, whose networks are asked for it. A list that does not exist has nothing.
    pub fn contains<'a>(&self, list: &str, value: &str, ip: impl Into<PayerIp<'a>>, at: Timestamp) -> bool {
        let Some(found) = self.lists.get(list) else { return false };
        found.has_value(value, at)
            || (found.kind == ListKind::Ip
                && match ip.into() {
                    PayerIp::Unknown => false,
                    PayerIp::Address(address) => found.has_address(address, at),
                    PayerIp::WasOn(lists) => lists.iter().any(|name| name == list),
                })
    }

    /// The first list that blocks by itself and has something of this attempt.
    pub fn hard_hit<'a>(&self, inputs: &RiskInputs, ip: impl Into<PayerIp<'a>>) -> Option<&'static str> {
        let ip = ip.into();
        HARD_LISTS.iter().find(|(name, kind)| self.has_any(name, *kind, inputs, ip)).map(|(name, _)| *name)
    }

    /// The names of the lists of IP addresses that have the payer's, for the record: the address itself is not kept.
    pub fn of_ip<'a>(&self, inputs: &RiskInputs, ip: impl Into<PayerIp<'a>>) -> Vec<String> {
        let ip = ip.into();
        let has_ip = |(name, kind): &(&str, ListKind)| *kind == ListKind::Ip && self.has_any(name, *kind, inputs, ip);
        self.kinds().filter(has_ip).map(|(name, _)| name.to_owned()).collect()
    }

    fn has_any(&self, list: &str, kind: ListKind, inputs: &RiskInputs, ip: PayerIp<'_>) -> bool {
        values_of(inputs, kind).iter().any(|value| self.contains(list, value, ip, inputs.at))
    }
}

/// All that an attempt has for a list of this kind.
fn values_of(inputs: &RiskInputs, kind: ListKind) -> Vec<String> {
    let subject = |dimension| inputs.subject(dimension).as_ref().map(SubjectId::to_string);
    let card = inputs.card.as_ref();
    match kind {
        ListKind::Card => subject(Dimension::Card).into_iter().collect(),
        ListKind::Bin => card.map(|card| card.bin.clone()).into_iter().collect(),
        ListKind::Email => subject(Dimension::Email).into_iter().collect(),
        ListKind::Domain => inputs.email.as_ref().map(|email| email.domain.clone()).into_iter().collect(),
        ListKind::Ip => subject(Dimension::Ip).into_iter().collect(),
        ListKind::Country => {
            let of_card = card.and_then(|card| card.country.clone());
            let of_ip = inputs.ip.as_ref().and_then(|ip| ip.country.clone());
            [of_card, of_ip, inputs.billing_country.clone()].into_iter().flatten().collect()
        }
        ListKind::Customer => inputs.customer.as_ref().map(|customer| customer.id.to_string()).into_iter().collect(),
    }
}

impl List {
    fn new(kind: ListKind) -> Self {
        Self { kind, values: HashMap::new(), networks: HashMap::new(), prefixes: BTreeSet::new() }
    }

    /// Adds an entry, and returns whether it is a new one.
    fn add(&mut self, value: &str, expires_at: Expiry) -> bool {
        let network = (self.kind == ListKind::Ip).then(|| value.parse::<IpNet>().ok()).flatten();
        match network {
            Some(network) => {
                self.prefixes.insert(network.prefix_len());
                self.networks.insert(network.trunc(), expires_at).is_none()
            }
            None => self.values.insert(value.to_owned(), expires_at).is_none(),
        }
    }

    fn has_value(&self, value: &str, at: Timestamp) -> bool {
        self.values.get(value).is_some_and(|expires_at| counts(*expires_at, at))
    }

    fn has_address(&self, address: IpAddr, at: Timestamp) -> bool {
        let address = address.to_canonical();
        let network = |prefix: &u8| IpNet::new(address, *prefix).ok().map(|network| network.trunc());
        let mut networks = self.prefixes.iter().filter_map(network);
        networks.any(|network| self.networks.get(&network).is_some_and(|expires_at| counts(*expires_at, at)))
    }
}

fn counts(expires_at: Expiry, at: Timestamp) -> bool {
    expires_at.is_none_or(|expires_at| at < expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        hash_key::HashKey,
        ids::{CustomerId, Ids, PartnerId},
        risk::{
            inputs::{CardInputs, CustomerInputs, EmailInputs, IpInputs},
            subject::SubjectHasher,
        },
    };

    const NOW: Timestamp = Timestamp(1_000_000_000);
    const PAYER: &str = "203.0.113.7";

    fn hasher() -> SubjectHasher {
        SubjectHasher::new(&HashKey::new("0123456789abcdef0123456789abcdef".into()))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn inputs() -> RiskInputs {
        RiskInputs {
            payment_intent_id: None,
            partner_id: PartnerId::parse("acme").unwrap(),
            amount: None,
            base_amount: None,
            payment_method_type: "card".to_owned(),
            card: Some(CardInputs {
                bin: "411111".to_owned(),
                brand: "visa".to_owned(),
                subject: Some(hasher().card("4111111111111111")),
                country: Some("US".to_owned()),
                funding: None,
                issuer: None,
            }),
            ip: Some(IpInputs { subject: hasher().ip(address(PAYER)), country: Some("DE".to_owned()), network: None }),
            email: Some(EmailInputs {
                subject: hasher().email("jane@example.com"),
                domain: "example.com".to_owned(),
                is_disposable: false,
            }),
            billing_country: Some("FR".to_owned()),
            customer: Some(CustomerInputs {
                id: CustomerId::generate(&Ids::system()),
                age_days: 0,
                successes: 0,
                declines: 0,
                chargebacks: 0,
            }),
            attempt: 1,
            is_authenticated: false,
            metadata: Default::default(),
            is_sandbox: true,
            at: NOW,
        }
    }

    fn with(list: &str, value: &str) -> Lists {
        let mut lists = Lists::default();
        lists.add(list, value, None).unwrap();
        lists
    }

    #[test]
    fn each_hard_list_blocks_by_what_it_is_for() {
        let inputs = inputs();
        let customer = inputs.customer.as_ref().unwrap().id.to_string();
        let card = hasher().card("4111111111111111").to_string();
        let email = hasher().email("jane@example.com").to_string();
        let ip = hasher().ip(address(PAYER)).to_string();
        let cases = [
            ("blocked_cards", card.as_str()),
            ("blocked_bins", "411111"),
            ("blocked_emails", &email),
            ("blocked_domains", "example.com"),
            ("blocked_ips", &ip),
            ("blocked_ips", "203.0.113.0/24"),
            ("blocked_countries", "US"),
            ("blocked_countries", "DE"),
            ("blocked_countries", "FR"),
            ("blocked_customers", &customer),
        ];
        for (list, value) in cases {
            assert_eq!(with(list, value).hard_hit(&inputs, Some(address(PAYER))), Some(list), "{value}");
        }
        for (list, value) in [("blocked_countries", "ES"), ("blocked_ips", "203.0.114.0/24"), ("blocked_bins", "41111")]
        {
            assert_eq!(with(list, value).hard_hit(&inputs, Some(address(PAYER))), None, "{value}");
        }
        assert_eq!(Lists::default().hard_hit(&inputs, Some(address(PAYER))), None);
    }

    #[test]
    fn every_hard_list_exists_without_being_made() {
        let lists = Lists::default();
        for (name, kind) in HARD_LISTS {
            assert_eq!((lists.kind(name), hard_list(name)), (Some(kind), Some(kind)), "{name}");
            assert!(is_list_name(name), "{name}");
        }
        assert_eq!(lists.kinds().count(), HARD_LISTS.len());
    }

    #[test]
    fn a_missing_input_is_on_no_list() {
        let mut lists = with("blocked_ips", "0.0.0.0/0");
        lists.add("blocked_countries", "DE", None).unwrap();
        let nothing =
            RiskInputs { card: None, ip: None, email: None, customer: None, billing_country: None, ..inputs() };
        assert_eq!(lists.hard_hit(&nothing, None), None);
    }

    #[test]
    fn networks_are_found_by_the_address_alone() {
        let mut lists = Lists::default();
        lists.add_list("offices", ListKind::Ip).unwrap();
        for network in ["203.0.113.77/24", "2001:db8::/32", "10.0.0.0/8"] {
            lists.add("offices", network, None).unwrap();
        }
        let has = |text: &str| lists.contains("offices", "ip:0", Some(address(text)), NOW);
        for inside in ["203.0.113.1", "::ffff:203.0.113.1", "2001:db8:1::9", "10.200.0.1"] {
            assert!(has(inside), "{inside}");
        }
        for outside in ["203.0.112.1", "2001:db9::1", "11.0.0.1", "::1"] {
            assert!(!has(outside), "{outside}");
        }
        assert!(!lists.contains("offices", "ip:0", PayerIp::Unknown, NOW));
    }

    #[test]
    fn a_decision_of_before_is_judged_by_the_lists_that_had_its_address() {
        let lists = with("blocked_ips", "203.0.113.0/24");
        let inputs = inputs();
        let names = lists.of_ip(&inputs, Some(address(PAYER)));
        assert_eq!(names, ["blocked_ips"]);
        assert_eq!(lists.hard_hit(&inputs, PayerIp::WasOn(&names)), Some("blocked_ips"));
        assert_eq!(lists.hard_hit(&inputs, PayerIp::WasOn(&[])), None);
    }

    #[test]
    fn an_entry_counts_until_it_expires() {
        let mut lists = Lists::default();
        lists.add("blocked_bins", "411111", Some(NOW)).unwrap();
        lists.add("blocked_ips", "203.0.113.0/24", Some(NOW)).unwrap();
        let before = Timestamp(NOW.0 - 1);
        for (list, value) in [("blocked_bins", "411111"), ("blocked_ips", "ip:0")] {
            assert!(lists.contains(list, value, Some(address(PAYER)), before), "{list}");
            assert!(!lists.contains(list, value, Some(address(PAYER)), NOW), "{list}");
        }
        lists.add("blocked_bins", "411111", None).unwrap();
        assert!(lists.contains("blocked_bins", "411111", None, NOW));
        assert_eq!(lists.len(), 2, "an entry that is added again is the same entry");
    }

    #[test]
    fn lists_are_bounded_and_keep_their_kind() {
        let mut lists = Lists::default();
        assert_eq!(lists.add("vips", "411111", None), Err(ListFault::NoList));
        assert_eq!(lists.add_list("vips", ListKind::Customer), Ok(()));
        assert_eq!(lists.add_list("vips", ListKind::Customer), Ok(()));
        assert_eq!(lists.add_list("vips", ListKind::Card), Err(ListFault::OtherKind));
        assert_eq!(lists.add_list("blocked_ips", ListKind::Card), Err(ListFault::OtherKind));
        for number in 0..MOST_ENTRIES {
            lists.add("vips", &number.to_string(), None).unwrap();
        }
        assert_eq!(lists.add("vips", "one more", None), Err(ListFault::Full));
        for number in lists.kinds().count()..MOST_LISTS {
            lists.add_list(&format!("list_{number}"), ListKind::Bin).unwrap();
        }
        assert_eq!(lists.add_list("one_more", ListKind::Bin), Err(ListFault::Full));
    }

    #[test]
    fn names_of_lists_are_words() {
        for name in ["vips", "a", "high_risk_2", &"a".repeat(40)] {
            assert!(is_list_name(name), "{name}");
        }
        for name in ["", "Vips", "2nd", "_a", "a-b", "é", &"a".repeat(41)] {
            assert!(!is_list_name(name), "{name}");
        }
    }
}
