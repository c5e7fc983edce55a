//! The protocol of reserve, send, settle and recover as a model, explored to its end: two gateways on one database, two calls, and
//! faults wherever they can happen. What it says, where it differs from the code, and how to change it: `ARCHITECTURE.md`.

mod breaks;
mod calls;
mod domain_objects;
mod explorer;
mod findings;
mod journal;
mod laws;
mod looks;
mod merging;
mod moves;
mod outcomes;
mod protocol;
mod scenarios;
mod situation;
mod surroundings;
