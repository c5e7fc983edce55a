//! PaymentMethodService: the ways to pay that customers have saved.

use tonic::{Request, Response, Status};

use crate::{
    app::{
        paging::Page,
        payment_methods::{CreatePaymentMethod, DeletePaymentMethod, PaymentMethodData, UpdatePaymentMethod},
    },
    domain::{
        amount_limits::AmountLimits,
        clock::Timestamp,
        ids::{CustomerId, PaymentMethodId},
        money::{Currency, Money},
        payment_method::{CARD, CardEdit, OtherMethod, PaymentMethod, SupportedPaymentMethod},
        private::Private,
    },
    pb,
    pb::create_payment_method_request::Details,
    pb::payment_method_service_server::PaymentMethodService,
};

use super::{
    cards,
    customers::CUSTOMER_ID,
    fields::Fields,
    formats, handler,
    handlers::Handlers,
    masks::{self, Maskable},
    timestamps,
};

/// The form of a payment method's id, for people.
pub(super) const PAYMENT_METHOD_ID: &str = "of a payment method, pm_…";

#[tonic::async_trait]
impl PaymentMethodService for Handlers {
    async fn create_payment_method(
        &self,
        request: Request<pb::CreatePaymentMethodRequest>,
    ) -> Result<Response<pb::CreatePaymentMethodResponse>, Status> {
        let now = self.app.payments.now();
        let (caller, input) =
            handler::mutation(&self.app.payments, request, |fields, message| create(fields, message, now))?;
        let answer = self.app.payments.create_payment_method(caller, input).await?;
        Ok(handler::answer(answer, |method| pb::CreatePaymentMethodResponse { payment_method: Some(method.into()) }))
    }

    async fn update_payment_method(
        &self,
        request: Request<pb::UpdatePaymentMethodRequest>,
    ) -> Result<Response<pb::UpdatePaymentMethodResponse>, Status> {
        let now = self.app.payments.now();
        let (caller, input) =
            handler::mutation(&self.app.payments, request, |fields, message| update(fields, message, now))?;
        let answer = self.app.payments.update_payment_method(caller, input).await?;
        Ok(handler::answer(answer, |method| pb::UpdatePaymentMethodResponse { payment_method: Some(method.into()) }))
    }

    async fn delete_payment_method(
        &self,
        request: Request<pb::DeletePaymentMethodRequest>,
    ) -> Result<Response<pb::DeletePaymentMethodResponse>, Status> {
        let (caller, input) = handler::mutation(&self.app.payments, request, |fields, message| {
            let id = fields.id("id", &message.id, PaymentMethodId::parse, PAYMENT_METHOD_ID)?;
            Some(DeletePaymentMethod { id })
        })?;
        let answer = self.app.payments.delete_payment_method(caller, input).await?;
        Ok(handler::answer(answer, |method| pb::DeletePaymentMethodResponse { payment_method: Some(method.into()) }))
    }

    async fn get_payment_method(
        &self,
        request: Request<pb::GetPaymentMethodRequest>,
    ) -> Result<Response<pb::GetPaymentMethodResponse>, Status> {
        let (caller, id) = handler::query(request, |fields, message| {
            fields.id("id", &message.id, PaymentMethodId::parse, PAYMENT_METHOD_ID)
        })?;
        let method = self.app.payments.get_payment_method(&caller, id).await?;
        Ok(Response::new(pb::GetPaymentMethodResponse { payment_method: Some(method.into()) }))
    }

    async fn list_payment_methods(
        &self,
        request: Request<pb::ListPaymentMethodsRequest>,
    ) -> Result<Response<pb::ListPaymentMethodsResponse>, Status> {
        let (caller, (customer, page)) = handler::query(request, list)?;
        let list = |page| self.app.payments.list_payment_methods(&caller, customer.clone(), page);
        let answer = handler::page(page, list, |found| pb::ListPaymentMethodsResponse {
            payment_methods: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }

    async fn list_supported_payment_methods(
        &self,
        request: Request<pb::ListSupportedPaymentMethodsRequest>,
    ) -> Result<Response<pb::ListSupportedPaymentMethodsResponse>, Status> {
        let (caller, (currency, amount)) = handler::query(request, supported)?;
        let found = self.app.payments.list_supported_payment_methods(&caller, currency, amount).await?;
        let supported_payment_methods = found.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListSupportedPaymentMethodsResponse { supported_payment_methods }))
    }
}

fn create(fields: &mut Fields, message: pb::CreatePaymentMethodRequest, now: Timestamp) -> Option<CreatePaymentMethod> {
    let customer_id = fields.id("customer_id", &message.customer_id, CustomerId::parse, CUSTOMER_ID);
    let data = match message.details {
        Some(Details::Card(sent)) => {
            Some(PaymentMethodData::Card(fields.within("card", |fields| cards::card(fields, sent, now))))
        }
        Some(Details::Other(sent)) => {
            Some(PaymentMethodData::Other(fields.within("other", |fields| other(fields, sent))))
        }
        None => {
            fields.refuse("card", "one of card and other is required");
            None
        }
    };
    Some(CreatePaymentMethod { customer_id: customer_id?, data: data? })
}

/// A field of a saved card that a caller may change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CardField {
    ExpiryMonth,
    ExpiryYear,
    HolderName,
}

/// A change: only the fields that the mask names are read.
fn update(fields: &mut Fields, message: pb::UpdatePaymentMethodRequest, now: Timestamp) -> Option<UpdatePaymentMethod> {
    let id = fields.id("id", &message.id, PaymentMethodId::parse, PAYMENT_METHOD_ID);
    let all = [
        (CardField::ExpiryMonth, "expiry_month", message.expiry_month == 0),
        (CardField::ExpiryYear, "expiry_year", message.expiry_year == 0),
        (CardField::HolderName, "holder_name", message.holder_name.is_empty()),
    ];
    let all = all.map(|(field, path, is_empty)| Maskable { field, path, is_empty });
    let named = masks::named(fields, message.update_mask.as_ref(), &all);
    let is_named = |field| named.contains(&field);
    let month = is_named(CardField::ExpiryMonth).then_some(message.expiry_month);
    let year = is_named(CardField::ExpiryYear).then_some(message.expiry_year);
    let (expiry_month, expiry_year) = cards::new_expiry(fields, month, year, now);
    let holder_name =
        is_named(CardField::HolderName).then(|| Private::new(cards::holder_name(fields, message.holder_name)));
    let edit = CardEdit { expiry_month, expiry_year, holder_name };
    let expected_revision = masks::expected_revision(fields, message.expected_revision);
    Some(UpdatePaymentMethod { id: id?, edit, expected_revision })
}

/// Reads a payment method that is no card.
pub(super) fn other(fields: &mut Fields, sent: pb::OtherMethod) -> OtherMethod {
    let kind = fields.required("payment_method_type", sent.payment_method_type, formats::type_code);
    if kind == CARD {
        // A card among the method's own fields would escape the care that is taken of cards.
        fields.refuse("payment_method_type", "must not be card, which has a field of its own");
    }
    let own = fields.map("fields", sent.fields);
    OtherMethod { kind, fields: own.into_iter().map(|(name, value)| (name, Private::new(value))).collect() }
}

fn list(fields: &mut Fields, message: pb::ListPaymentMethodsRequest) -> Option<(CustomerId, Page)> {
    let customer = fields.id("customer_id", &message.customer_id, CustomerId::parse, CUSTOMER_ID);
    let page = fields.page(message.page_size, message.page_token);
    Some((customer?, page))
}

/// The currency and the amount that methods are wanted for, when there are any.
fn supported(
    fields: &mut Fields,
    message: pb::ListSupportedPaymentMethodsRequest,
) -> Option<(Option<Currency>, Option<Money>)> {
    let pb::ListSupportedPaymentMethodsRequest { currency: code, amount } = message;
    if !amount.is_empty() && code.is_empty() {
        fields.refuse("currency", "is required with amount");
    }
    let currency = if code.is_empty() { None } else { fields.currency(&code) };
    let is_given = !amount.is_empty();
    Some((currency, if is_given { fields.amount(&amount, currency, &AmountLimits::default()) } else { None }))
}

/// Reads a type code; none means a card.
pub(super) fn type_code(fields: &mut Fields, field: &str, value: String) -> String {
    let kind = fields.optional(field, value, formats::type_code);
    if kind.is_empty() { CARD.to_owned() } else { kind }
}

impl From<PaymentMethod> for pb::PaymentMethod {
    fn from(method: PaymentMethod) -> Self {
        Self {
            id: method.id.to_string(),
            upstream_id: method.upstream_id.unwrap_or_default(),
            customer_id: method.customer_id.to_string(),
            r#type: method.kind,
            card: method.card.map(Into::into),
            created_at: Some(timestamps::wire(method.created_at)),
            updated_at: Some(timestamps::wire(method.updated_at)),
            revision: method.revision,
            deleted_at: method.deleted_at.map(timestamps::wire),
        }
    }
}

impl From<SupportedPaymentMethod> for pb::SupportedPaymentMethod {
    fn from(method: SupportedPaymentMethod) -> Self {
        Self { r#type: method.kind, name: method.name, currencies: method.currencies }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Ids;

    fn read(message: pb::CreatePaymentMethodRequest) -> Result<CreatePaymentMethod, Vec<String>> {
        let mut fields = Fields::default();
        let input = create(&mut fields, message, Timestamp::parse_rfc3339("2026-11-23T10:00:00Z").unwrap());
        fields.finish(input).map_err(|error| error.violations.iter().map(|wrong| wrong.field.clone()).collect())
    }

    fn request(details: Option<Details>) -> pb::CreatePaymentMethodRequest {
        pb::CreatePaymentMethodRequest { customer_id: CustomerId::generate(&Ids::system()).to_string(), details }
    }

    fn card(number: &str) -> Details {
        let holder_name = "Jane Doe".to_owned();
        Details::Card(pb::CardToSave { number: number.to_owned(), expiry_month: 12, expiry_year: 2030, holder_name })
    }

    fn other(kind: &str, field: &str) -> Details {
        let fields = [(field.to_owned(), "jane".to_owned())].into();
        Details::Other(pb::OtherMethod { payment_method_type: kind.to_owned(), fields })
    }

    #[test]
    fn a_card_is_saved_as_a_card_and_all_else_as_its_fields() {
        let input = read(request(Some(card("4111 1111 1111 1111")))).unwrap();
        assert_eq!(input.data.kind(), "card");
        assert!(matches!(input.data, PaymentMethodData::Card(card) if card.cvv.is_none()));
        let input = read(request(Some(other("paypal", "account")))).unwrap();
        assert_eq!(input.data.kind(), "paypal");
        assert!(matches!(input.data, PaymentMethodData::Other(other) if other.fields["account"].expose() == "jane"));
        assert_eq!(read(request(None)).unwrap_err(), ["card"]);
    }

    #[test]
    fn everything_wrong_with_a_payment_method_is_told_at_once() {
        let wrong = |details| {
            read(pb::CreatePaymentMethodRequest { customer_id: "jane".to_owned(), details: Some(details) }).unwrap_err()
        };
        assert_eq!(wrong(card("1")), ["customer_id", "card.number"]);
        for kind in ["", "card", "Card"] {
            assert_eq!(wrong(other(kind, "")), ["customer_id", "other.payment_method_type", "other.fields"], "{kind}");
        }
    }
}
