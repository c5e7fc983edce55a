//! The bodies of the commerce API, as they go over the wire. Whatever an answer has beside these members is ignored, and an empty
//! object may come as an empty list.

mod answered;
mod asked;
mod form_fields;
mod invoice;
mod kinds;
mod prerequest;

pub use answered::{InvoiceList, RefundAnswer, SaleAnswer, SaleStep};
pub use asked::{
    BrowserBody, CardGateFlags, CreateInvoiceBody, GatewayFlags, InvoiceAddress, InvoiceCustomer, ObjectBody,
    PrerequestBody, RefundInvoiceBody, RequestBody, ReturnUrls, SaleBody,
};
pub use form_fields::FormFields;
pub use invoice::{
    FlowData, InvoiceAttributes, InvoiceDocument, InvoicePayload, InvoiceRefund, InvoiceRelationships, PaidCard,
    WireInvoice,
};
pub use kinds::{INVOICES, LONGEST_LIST};
pub use prerequest::{AccountDocument, OfferedService, PrerequestDocument, WantedField};
