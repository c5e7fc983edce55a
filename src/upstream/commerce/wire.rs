//! The bodies of the commerce API, as they go over the wire. Whatever an answer has beside these members is ignored, and an empty
//! object may come as an empty list.

mod answered;
mod asked;
mod invoice;
mod prerequest;

pub use answered::{FormFields, InvoiceList, RefundAnswer, SaleAnswer, SaleStep};
pub use asked::{
    BrowserBody, CardGateFlags, CreateInvoiceBody, GatewayFlags, InvoiceAddress, InvoiceCustomer, ObjectBody,
    PrerequestBody, RefundInvoiceBody, RequestBody, ReturnUrls, SaleBody,
};
pub use invoice::{
    FlowData, InvoiceAttributes, InvoiceDocument, InvoicePayload, InvoiceRefund, InvoiceRelationships, PaidCard,
    WireInvoice,
};
pub use prerequest::{AccountDocument, OfferedService, PrerequestDocument, WantedField};

/// The type of a payment invoice.
pub const INVOICES: &str = "payment-invoices";

/// The most entries of a list that are read.
pub const LONGEST_LIST: usize = 1000;
