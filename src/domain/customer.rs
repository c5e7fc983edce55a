//! Customers and postal addresses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    ids::{CustomerId, PartnerId},
    private::Private,
};

/// What a caller attaches to an object: at most 20 entries, in one order.
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
    /// Whose customer it is.
    pub partner_id: PartnerId,
    /// Corefy's id, once known.
    pub upstream_id: Option<String>,
    /// The caller's own reference.
    pub reference_id: Option<String>,
    /// What the caller told of the customer.
    pub details: CustomerDetails,
    /// When the gateway accepted it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller tells of a customer; does not change.
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
