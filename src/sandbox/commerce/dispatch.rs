//! From the route of a call to the method of the state that carries it out.

use super::route::CommerceRoute;
use crate::sandbox::{answer::SandboxOutcome, faults::Switches, route::SandboxCall, state::State};

impl State {
    /// Carries out a call of the dialect.
    pub(in crate::sandbox) fn dispatch_commerce(
        &mut self,
        route: &CommerceRoute,
        call: &SandboxCall,
        switches: &Switches,
    ) -> SandboxOutcome {
        match route {
            CommerceRoute::InvoiceCreate => self.create_invoice(&call.body, switches),
            CommerceRoute::InvoiceRead(id) => self.read_invoice(id, switches),
            CommerceRoute::InvoiceList(reference) => Ok(self.list_invoices(reference.as_deref(), switches)),
            CommerceRoute::InvoiceRefund(id) => self.refund_invoice(id, &call.body, switches),
            CommerceRoute::Balances => Ok(self.balances()),
            CommerceRoute::Sale => self.sell(call.session.as_deref().unwrap_or_default(), &call.body, switches),
            CommerceRoute::Prerequest => self.prerequest(&call.body),
        }
    }
}
