//! Facts: all that a condition can ask about an attempt.

use super::{
    inputs::RiskInputs,
    lists::{Lists, PayerIp},
    velocity::Velocities,
};

/// The facts of one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The attempt itself.
    pub inputs: &'a RiskInputs,
    /// The history before it.
    pub velocities: &'a Velocities,
    /// The lists as they are now.
    pub lists: &'a Lists,
    /// The payer's IP address, for lists that have networks.
    pub ip: PayerIp<'a>,
}
