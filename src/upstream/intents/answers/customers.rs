//! Customers: the one that was asked for, and how it is reached.

use crate::domain::customer::{Contact, Customer};
use crate::domain::private::Private;
use crate::domain::snapshot::CustomerSnapshot;
use crate::upstream::{
    intents::wire,
    reading::{Mismatch, id},
    sanitize,
};

/// The longest email address (RFC 5321), name and phone number of a customer that are taken over, in characters.
const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 100;
const LONGEST_PHONE: usize = 20;

/// The customer that was asked for; its reference, when the answer has one, is ours.
pub fn customer(answer: wire::CustomerAnswer, asked: &Customer) -> Result<CustomerSnapshot, Mismatch> {
    if answer.reference_id.is_some_and(|reference| reference != asked.id.as_str()) {
        return Err("the answer has another reference");
    }
    let upstream_id = id(answer.id.ok_or("the answer has no id")?)?;
    Ok(CustomerSnapshot { upstream_id, contact: Contact::default() })
}

/// The customer with Corefy's id `upstream_id`, with how it is reached. `None`: it was made with another reference than
/// ours, so that it is not ours to follow.
pub fn customer_shown(
    answer: wire::CustomerAnswer,
    asked: &Customer,
    upstream_id: &str,
) -> Result<Option<CustomerSnapshot>, Mismatch> {
    if answer.reference_id.as_ref().is_some_and(|reference| reference != asked.id.as_str()) {
        return Ok(None);
    }
    let contact = contact(&answer);
    let shown = customer(answer, asked)?;
    if shown.upstream_id != upstream_id {
        return Err("the answer is about another customer");
    }
    Ok(Some(CustomerSnapshot { contact, ..shown }))
}

/// How a customer is reached, as far as it has a form that we keep.
pub fn contact(answer: &wire::CustomerAnswer) -> Contact {
    let name = |name: &Private| Private::new(sanitize::bounded(name.expose(), LONGEST_NAME));
    Contact {
        email: answer.email.clone().filter(|email| is_email(email.expose())),
        name: answer.name.as_ref().map(name).filter(|name| !name.is_empty()),
        phone: answer.phone.clone().filter(|phone| is_phone(phone.expose())),
    }
}

fn is_email(text: &str) -> bool {
    let is_plain = text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control());
    let parts = text.rsplit_once('@');
    is_plain && text.len() <= LONGEST_EMAIL && parts.is_some_and(|(box_, host)| !box_.is_empty() && host.contains('.'))
}

fn is_phone(text: &str) -> bool {
    let is_sign = |letter: char| letter.is_ascii_digit() || "+ -().".contains(letter);
    text.len() <= LONGEST_PHONE && text.chars().all(is_sign) && text.contains(|letter: char| letter.is_ascii_digit())
}
