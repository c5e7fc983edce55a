//! Erasure: what is emptied when a person is to be forgotten, member by member. Each function takes its object apart, so that a
//! member that is added later does not compile until somebody has decided about it.
//!
//! Ids, references, amounts, states and times stay: books and refunds go on. All that tells of a person goes, and free text with it,
//! for anybody may have written anything into it.

pub mod job;
mod objects;
pub mod past;
pub mod payer_data;
mod records;

#[cfg(test)]
mod tests;
