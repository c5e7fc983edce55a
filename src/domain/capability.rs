//! The things that not every gateway can do: they depend on the API of Corefy that is spoken, and on settings.

/// Something that a request can ask for and that the gateway may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Card numbers are taken.
    RawCards,
    /// A payment method is saved without a payment.
    CreatePaymentMethod,
    /// The result of a 3-D Secure authentication that was done elsewhere is taken.
    ExternalThreeDSecure,
    /// A payment is confirmed by the fields of a wallet or alternative method.
    ConfirmOther,
    /// The payer chooses a payment method on Corefy's page.
    HostedPage,
    /// A payment saves what it is paid with.
    SavePaymentMethod,
    /// A payment by stored credentials is marked as such.
    StoredCredential,
}

impl Capability {
    /// All of them, in the order in which a request is checked for them.
    pub const ALL: [Self; 7] = [
        Self::RawCards,
        Self::CreatePaymentMethod,
        Self::ConfirmOther,
        Self::HostedPage,
        Self::ExternalThreeDSecure,
        Self::SavePaymentMethod,
        Self::StoredCredential,
    ];

    /// The name by which callers know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RawCards => "raw_cards",
            Self::CreatePaymentMethod => "create_payment_method",
            Self::ExternalThreeDSecure => "external_three_d_secure",
            Self::ConfirmOther => "confirm_other",
            Self::HostedPage => "hosted_page",
            Self::SavePaymentMethod => "save_payment_method",
            Self::StoredCredential => "stored_credential",
        }
    }
}
