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
    /// When the person was erased. What is left names the customer in the history of payments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// The number of its changes: of two copies, the one with the greater is newer.
    #[serde(default)]
    pub revision: i64,
}

impl Customer {
    /// Notes that it changed. Of a person who was erased nothing is kept again.
    pub fn touch(&mut self, now: Timestamp) {
        self.revision += 1;
        self.updated_at = now;
        if let Some(erased_at) = self.erased_at {
            self.strip(erased_at);
        }
    }
}

/// The details that a caller gives of a customer. How the customer is reached may also change at Corefy.
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
    /// How Corefy showed the customer last, where that differs from ours: only what changes there after that is news.
    #[serde(default)]
    pub at_corefy: Option<Contact>,
}

/// A field of the details that a caller may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerField {
    /// Email address.
    Email,
    /// Full name.
    Name,
    /// Phone number.
    Phone,
    /// Postal address, as a whole.
    Address,
    /// Metadata, as a whole.
    Metadata,
}

impl CustomerField {
    /// All fields.
    pub const ALL: [Self; 5] = [Self::Email, Self::Name, Self::Phone, Self::Address, Self::Metadata];
}

/// How a customer is reached, as Corefy shows it. What it does not show, or not in a form that we keep, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Email address.
    pub email: Option<Private>,
    /// Full name.
    pub name: Option<Private>,
    /// Phone number.
    pub phone: Option<Private>,
}

impl CustomerDetails {
    /// Takes over what has changed at Corefy. `false`: it shows nothing new.
    pub fn take_over(&mut self, shown: &Contact) -> bool {
        let before = self.contact();
        let mut known = self.at_corefy.take().unwrap_or_else(|| before.clone());
        for (ours, known, shown) in [
            (&mut self.email, &mut known.email, &shown.email),
            (&mut self.name, &mut known.name, &shown.name),
            (&mut self.phone, &mut known.phone, &shown.phone),
        ] {
            if let Some(news) = shown.as_ref().filter(|shown| known.as_ref() != Some(*shown)) {
                ours.clone_from(news);
                *known = Some(news.clone());
            }
        }
        let now = self.contact();
        self.at_corefy = Some(known).filter(|known| *known != now);
        now != before
    }

    /// Takes these fields over from what a caller has `given`. `false`: that changes nothing.
    pub fn edit(&mut self, given: &Self, fields: &[CustomerField]) -> bool {
        let before = self.clone();
        for field in fields {
            match field {
                CustomerField::Email => self.email.clone_from(&given.email),
                CustomerField::Name => self.name.clone_from(&given.name),
                CustomerField::Phone => self.phone.clone_from(&given.phone),
                CustomerField::Address => self.address.clone_from(&given.address),
                CustomerField::Metadata => self.metadata.clone_from(&given.metadata),
            }
        }
        let known = self.at_corefy.take().unwrap_or_else(|| before.contact());
        self.at_corefy = Some(known).filter(|known| *known != self.contact());
        *self != before
    }

    fn contact(&self) -> Contact {
        Contact { email: Some(self.email.clone()), name: Some(self.name.clone()), phone: Some(self.phone.clone()) }
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
            at_corefy: None,
        };
        assert!(!details.take_over(&Contact::default()));
        let shown = Contact { email: Some(Private::new("jane.roe@example.com")), name: None, phone: None };
        assert!(details.take_over(&shown));
        assert_eq!((details.email.expose(), details.name.expose()), ("jane.roe@example.com", "Jane Doe"));
        assert!(!details.take_over(&shown), "it is known now");
    }

    #[test]
    fn an_edit_stays_until_the_field_changes_at_corefy() {
        let before = CustomerDetails {
            email: Private::new("jane@example.com"),
            name: Private::new("Jane Doe"),
            phone: Private::default(),
            address: None,
            metadata: Metadata::new(),
            at_corefy: None,
        };
        let at_corefy = before.contact();
        let given =
            CustomerDetails { name: Private::new("Jane Roe"), email: Private::new("ignored"), ..before.clone() };
        let mut details = before.clone();
        assert!(details.edit(&given, &[CustomerField::Name]));
        assert_eq!((details.email.expose(), details.name.expose()), ("jane@example.com", "Jane Roe"));
        assert!(!details.edit(&given, &[CustomerField::Name]), "it has that name");

        assert!(!details.take_over(&at_corefy), "Corefy shows what it showed before");
        assert_eq!(details.name.expose(), "Jane Roe");
        let moved = Contact { email: Some(Private::new("roe@example.com")), ..at_corefy.clone() };
        assert!(details.take_over(&moved));
        assert_eq!((details.email.expose(), details.name.expose()), ("roe@example.com", "Jane Roe"));
        let renamed = Contact { name: Some(Private::new("J. Doe")), ..moved };
        assert!(details.take_over(&renamed));
        assert_eq!((details.name.expose(), &details.at_corefy), ("J. Doe", &None));

        assert!(details.edit(&before, &CustomerField::ALL));
        assert!(details.at_corefy.is_some());
    }
}
