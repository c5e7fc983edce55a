//! The database fails at every step of every call, and of everything else that writes. Nothing may be sent to Corefy
//! before its row is durable, nothing that was acknowledged may be missing, and nothing is written twice.

mod calls;
mod commits;
mod connections;
mod faults;
mod full_disk;
mod refusals;
mod waiting;
