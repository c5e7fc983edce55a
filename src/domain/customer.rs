//! Customers and postal addresses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    ids::{CustomerId, PartnerId},
    private::Private,
};

/// Metadata that a caller attaches to an object: at most 20 entries, in one order.
pub type Metadata = BTreeMap<String, String>;

/// A postal address. Every part may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Given name.
    pub first_name: Private,
    /// Family name.
    pub last_name: Private,
    /// Street and house number.
    pub line1: Private,
    /// Flat, floor, building.
    pub line2: Private,
    /// City.
    pub city: Private,
    /// State, province or region.
    pub state: Private,
    /// Postal code.
    pub postal_code: Private,
    /// ISO 3166-1 alpha-2, upper case, or empty.
    pub country: String,
}

/// A person or company that pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Our id.
    pub id: CustomerId,
    /// The partner it belongs to.
    pub partner_id: PartnerId,
    /// Corefy's id, once known.
    pub upstream_id: Option<String>,
    /// The caller's own reference.
    pub reference_id: Option<String>,
    /// The details that the caller gave of the customer.
    pub details: CustomerDetails,
    /// When the gateway accepted it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The number of its changes: of two copies, the one with the greater is newer.
    #[serde(default)]
    pub revision: i64,
}

impl Customer {
    /// Notes that it changed.
    pub fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
    }
}

/// The details that a caller gives of a customer. Only how the customer is reached may change, and only at Corefy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerDetails {
    /// Email address.
    pub email: Private,
    /// Full name; may be empty.
    pub name: Private,
    /// Phone number; may be empty.
    pub phone: Private,
    /// Postal address.
    pub address: Option<Address>,
    /// As given.
    pub metadata: Metadata,
}

/// How a customer is reached, as Corefy shows it. What it does not show, or not in a form that we keep, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Email address.
    pub email: Option<Private>,
    /// Full name.
    pub name: Option<Private>,
    /// Phone number.
    pub phone: Option<Private>,
}

impl CustomerDetails {
    /// Takes over what Corefy shows. `false`: it shows nothing new.
    pub fn take_over(&mut self, shown: &Contact) -> bool {
        let mut has_changed = false;
        for (ours, shown) in
            [(&mut self.email, &shown.email), (&mut self.name, &shown.name), (&mut self.phone, &shown.phone)]
        {
            if let Some(shown) = shown.as_ref().filter(|shown| *shown != ours) {
                ours.clone_from(shown);
                has_changed = true;
            }
        }
        has_changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_corefy_shows_is_taken_over_and_what_it_does_not_show_stays() {
        let mut details = CustomerDetails {
            email: Private::new("jane@example.com"),
            name: Private::new("Jane Doe"),
            phone: Private::default(),
            address: None,
            metadata: Metadata::new(),
        };
        assert!(!details.take_over(&Contact::default()));
        let shown = Contact { email: Some(Private::new("jane.roe@example.com")), name: None, phone: None };
        assert!(details.take_over(&shown));
        assert_eq!((details.email.expose(), details.name.expose()), ("jane.roe@example.com", "Jane Doe"));
        assert!(!details.take_over(&shown), "it is known now");
    }
}
