//! From the route of a call to the method of the state that carries it out.

use super::{
    answer::SandboxOutcome,
    customers,
    faults::Switches,
    route::{Route, SandboxCall},
    state::State,
};

impl State {
    /// Carries out a call.
    pub(super) fn dispatch(&mut self, call: &SandboxCall, switches: &Switches) -> SandboxOutcome {
        match &call.route {
            Route::IntentCreate => self.create_intent(&call.body, switches),
            Route::IntentConfirm(id) => self.confirm_intent(id, &call.body, switches),
            Route::PaymentRead(id) => self.read_payment(id, switches),
            Route::RefundCreate => self.create_refund(&call.body, switches),
            Route::CustomerCreate => self.create_customer(&call.body, switches),
            Route::CustomerRead(id) => self.read_customer(id),
            Route::PaymentMethodCreate => self.create_payment_method(&call.body, switches),
            Route::PaymentMethodsOf(id) => self.list_payment_methods(id),
            Route::SupportedMethods => Ok(customers::supported_methods()),
            Route::Commerce(route) => self.dispatch_commerce(route, call, switches),
        }
    }
}
