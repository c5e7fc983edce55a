//! CustomerService: the payers that a partner stores.

use serde_json::json;
use tonic::{Request, Response, Status};

use crate::{
    app::{
        customers::{CreateCustomer, UpdateCustomer},
        paging::Page,
        people::{ExportSubject, Requester},
    },
    domain::{
        customer::{Address, Customer, CustomerDetails, CustomerField},
        erasure::job::{Erasure, PayerErasure},
        ids::{CustomerId, ErasureId},
        list_filters::CustomerFilter,
        private::Private,
    },
    pb,
    pb::customer_service_server::CustomerService,
    pb::export_personal_data_request::Person,
};

use super::{
    contacts,
    fields::Fields,
    filters, formats, handler,
    handlers::Handlers,
    masks::{self, Maskable},
    timestamps,
};

/// The longest full name, in characters.
pub(super) const MAX_NAME: usize = 100;
/// The longest given or family name, city or state of an address, in characters.
const MAX_ADDRESS_NAME: usize = 50;
/// The longest line of an address, in characters.
const MAX_ADDRESS_LINE: usize = 100;
/// The longest postal code, in characters.
const MAX_POSTAL_CODE: usize = 20;
/// The form of a customer's id, for people.
pub(super) const CUSTOMER_ID: &str = "of a customer, cus_…";
/// The form of an erasure's id, for people.
const ERASURE_ID: &str = "of an erasure, era_…";

#[tonic::async_trait]
impl CustomerService for Handlers {
    async fn create_customer(
        &self,
        request: Request<pb::CreateCustomerRequest>,
    ) -> Result<Response<pb::CreateCustomerResponse>, Status> {
        let (caller, input) = handler::mutation(&self.app.payments, request, create)?;
        let answer = self.app.payments.create_customer(caller, input).await?;
        Ok(handler::answer(answer, |customer| pb::CreateCustomerResponse { customer: Some(customer.into()) }))
    }

    async fn update_customer(
        &self,
        request: Request<pb::UpdateCustomerRequest>,
    ) -> Result<Response<pb::UpdateCustomerResponse>, Status> {
        let (caller, input) = handler::mutation(&self.app.payments, request, update)?;
        let answer = self.app.payments.update_customer(caller, input).await?;
        Ok(handler::answer(answer, |customer| pb::UpdateCustomerResponse { customer: Some(customer.into()) }))
    }

    async fn erase_customer(
        &self,
        request: Request<pb::EraseCustomerRequest>,
    ) -> Result<Response<pb::EraseCustomerResponse>, Status> {
        let (caller, id) = handler::mutation(&self.app.payments, request, |fields, message| {
            fields.id("id", &message.id, CustomerId::parse, CUSTOMER_ID)
        })?;
        let erasure = self.app.people.erase_customer(&Requester::from(&caller), id).await?;
        Ok(Response::new(pb::EraseCustomerResponse { erasure: Some(erasure.into()) }))
    }

    async fn erase_payer(
        &self,
        request: Request<pb::ErasePayerRequest>,
    ) -> Result<Response<pb::ErasePayerResponse>, Status> {
        let (caller, email) =
            handler::mutation(&self.app.payments, request, |fields, message| Some(email(fields, message.email)))?;
        let erasures = self.app.people.erase_payer(&Requester::from(&caller), &email).await?;
        Ok(Response::new(pb::ErasePayerResponse { erasures: erasures.into_iter().map(Into::into).collect() }))
    }

    async fn export_personal_data(
        &self,
        request: Request<pb::ExportPersonalDataRequest>,
    ) -> Result<Response<pb::ExportPersonalDataResponse>, Status> {
        let people = &self.app.people;
        let (caller, (subject, page)) = handler::mutation(&self.app.payments, request, export)?;
        let (requester, is_first) = (Requester::from(&caller), page.token.is_empty());
        let person = if is_first { people.export_person(&requester, &subject).await? } else { Vec::new() };
        let (list, now) = (|page| people.export_payments(&requester, &subject, page), people.now());
        let answer = handler::page(page, list, |found| {
            let of_payments = found.items.iter().flat_map(|payment| &payment.kept);
            let records: Vec<_> = person.iter().chain(of_payments).collect();
            pb::ExportPersonalDataResponse {
                document: json!({"exported_at": now.to_string(), "records": records}).to_string(),
                next_page_token: found.next_page_token,
            }
        });
        Ok(answer.await?)
    }

    async fn get_erasure(
        &self,
        request: Request<pb::GetErasureRequest>,
    ) -> Result<Response<pb::GetErasureResponse>, Status> {
        let (caller, id) =
            handler::query(request, |fields, message| fields.id("id", &message.id, ErasureId::parse, ERASURE_ID))?;
        let erasure = self.app.people.get_erasure(&Requester::from(&caller), id).await?;
        Ok(Response::new(pb::GetErasureResponse { erasure: Some(erasure.into()) }))
    }

    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Result<Response<pb::GetCustomerResponse>, Status> {
        let (caller, id) =
            handler::query(request, |fields, message| fields.id("id", &message.id, CustomerId::parse, CUSTOMER_ID))?;
        let customer = self.app.payments.get_customer(&caller, id).await?;
        Ok(Response::new(pb::GetCustomerResponse { customer: Some(customer.into()) }))
    }

    async fn list_customers(
        &self,
        request: Request<pb::ListCustomersRequest>,
    ) -> Result<Response<pb::ListCustomersResponse>, Status> {
        let (caller, (filter, page)) = handler::query(request, list)?;
        let list = |page| self.app.payments.list_customers(&caller, filter.clone(), page);
        let answer = handler::page(page, list, |found| pb::ListCustomersResponse {
            customers: found.items.into_iter().map(Into::into).collect(),
            next_page_token: found.next_page_token,
        });
        Ok(answer.await?)
    }
}

fn export(fields: &mut Fields, message: pb::ExportPersonalDataRequest) -> Option<(ExportSubject, Page)> {
    let subject = match message.person {
        Some(Person::CustomerId(id)) => {
            fields.id("customer_id", &id, CustomerId::parse, CUSTOMER_ID).map(ExportSubject::Customer)
        }
        Some(Person::Email(address)) => Some(ExportSubject::Email(Private::new(email(fields, address)))),
        None => {
            fields.refuse("customer_id", "one of customer_id and email is required");
            None
        }
    };
    let page = fields.page(message.page_size, message.page_token);
    Some((subject?, page))
}

fn create(fields: &mut Fields, message: pb::CreateCustomerRequest) -> Option<CreateCustomer> {
    let details = CustomerDetails {
        email: Private::new(email(fields, message.email)),
        name: name(fields, message.name),
        phone: phone(fields, message.phone),
        address: message.address.map(|sent| fields.within("address", |fields| address(fields, sent))),
        metadata: fields.metadata(message.metadata),
        at_corefy: None,
    };
    Some(CreateCustomer { reference_id: fields.reference(message.reference_id), details })
}

/// A change: only the fields that the mask names are read.
fn update(fields: &mut Fields, message: pb::UpdateCustomerRequest) -> Option<UpdateCustomer> {
    let id = fields.id("id", &message.id, CustomerId::parse, CUSTOMER_ID);
    let named = named(fields, &message);
    let is_named = |field| named.contains(&field);
    let text = |field, value: String| if is_named(field) { value } else { String::new() };
    let details = CustomerDetails {
        email: Private::new(if is_named(CustomerField::Email) { email(fields, message.email) } else { String::new() }),
        name: name(fields, text(CustomerField::Name, message.name)),
        phone: phone(fields, text(CustomerField::Phone, message.phone)),
        address: (message.address.filter(|_| is_named(CustomerField::Address)))
            .map(|sent| fields.within("address", |fields| address(fields, sent))),
        metadata: fields.metadata(if is_named(CustomerField::Metadata) {
            message.metadata
        } else {
            Default::default()
        }),
        at_corefy: None,
    };
    let expected_revision = masks::expected_revision(fields, message.expected_revision);
    Some(UpdateCustomer { id: id?, fields: named, details, expected_revision })
}

/// The fields that are to change.
fn named(fields: &mut Fields, message: &pb::UpdateCustomerRequest) -> Vec<CustomerField> {
    let all = CustomerField::ALL.map(|field| {
        let (path, is_empty) = match field {
            CustomerField::Email => ("email", message.email.is_empty()),
            CustomerField::Name => ("name", message.name.is_empty()),
            CustomerField::Phone => ("phone", message.phone.is_empty()),
            CustomerField::Address => ("address", message.address.is_none()),
            CustomerField::Metadata => ("metadata", message.metadata.is_empty()),
        };
        Maskable { field, path, is_empty }
    });
    masks::named(fields, message.update_mask.as_ref(), &all)
}

fn name(fields: &mut Fields, value: String) -> Private {
    Private::new(fields.optional("name", value, formats::words(MAX_NAME)))
}

fn phone(fields: &mut Fields, value: String) -> Private {
    Private::new(fields.optional("phone", value, contacts::phone))
}

/// A customer's email address, which is required.
fn email(fields: &mut Fields, value: String) -> String {
    let value = fields.required("email", value, |_| Ok(()));
    fields.normalized("email", value, contacts::email)
}

fn list(fields: &mut Fields, message: pb::ListCustomersRequest) -> Option<(CustomerFilter, Page)> {
    // The one that finds the fewest comes first.
    let mut terms: Vec<_> = filters::email(fields, "email", message.email).into_iter().collect();
    terms.extend(filters::metadata(fields, message.metadata));
    let filter = CustomerFilter {
        reference_id: fields.known_reference(message.reference_id),
        reference_prefix: fields.reference_prefix(message.reference_prefix),
        terms,
        created: timestamps::range(fields, "created", message.created_from, message.created_before),
    };
    Some((filter, fields.page(message.page_size, message.page_token)))
}

/// Reads a postal address.
pub(super) fn address(fields: &mut Fields, address: pb::Address) -> Address {
    let mut part = |field: &str, value: String, max_chars: usize| {
        Private::new(fields.optional(field, value, formats::words(max_chars)))
    };
    Address {
        first_name: part("first_name", address.first_name, MAX_ADDRESS_NAME),
        last_name: part("last_name", address.last_name, MAX_ADDRESS_NAME),
        line1: part("line1", address.line1, MAX_ADDRESS_LINE),
        line2: part("line2", address.line2, MAX_ADDRESS_LINE),
        city: part("city", address.city, MAX_ADDRESS_NAME),
        state: part("state", address.state, MAX_ADDRESS_NAME),
        postal_code: part("postal_code", address.postal_code, MAX_POSTAL_CODE),
        country: fields.optional("country", address.country, formats::country),
    }
}

impl From<Address> for pb::Address {
    fn from(address: Address) -> Self {
        Self {
            first_name: address.first_name.expose().to_owned(),
            last_name: address.last_name.expose().to_owned(),
            line1: address.line1.expose().to_owned(),
            line2: address.line2.expose().to_owned(),
            city: address.city.expose().to_owned(),
            state: address.state.expose().to_owned(),
            postal_code: address.postal_code.expose().to_owned(),
            country: address.country,
        }
    }
}

impl From<Erasure> for pb::Erasure {
    fn from(erasure: Erasure) -> Self {
        let state = if erasure.is_done() { pb::ErasureState::Done } else { pb::ErasureState::Running };
        Self {
            id: erasure.id.to_string(),
            customer_id: erasure.customer().map(ToString::to_string).unwrap_or_default(),
            state: state.into(),
            emptied: erasure.emptied,
            requested_at: Some(timestamps::wire(erasure.requested_at)),
            finished_at: erasure.finished_at.map(timestamps::wire),
        }
    }
}

impl From<PayerErasure> for pb::Erasure {
    fn from(erasure: PayerErasure) -> Self {
        Self {
            id: erasure.id.to_string(),
            customer_id: String::new(),
            state: pb::ErasureState::Done.into(),
            emptied: erasure.emptied,
            requested_at: Some(timestamps::wire(erasure.requested_at)),
            finished_at: erasure.finished_at.map(timestamps::wire),
        }
    }
}

impl From<Customer> for pb::Customer {
    fn from(customer: Customer) -> Self {
        Self {
            id: customer.id.to_string(),
            upstream_id: customer.upstream_id.unwrap_or_default(),
            email: customer.details.email.expose().to_owned(),
            name: customer.details.name.expose().to_owned(),
            phone: customer.details.phone.expose().to_owned(),
            address: customer.details.address.map(Into::into),
            reference_id: customer.reference_id.unwrap_or_default(),
            metadata: customer.details.metadata,
            created_at: Some(timestamps::wire(customer.created_at)),
            updated_at: Some(timestamps::wire(customer.updated_at)),
            erased_at: customer.erased_at.map(timestamps::wire),
            revision: customer.revision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        clock::Timestamp,
        ids::{Ids, PartnerId},
    };

    fn sent() -> pb::CreateCustomerRequest {
        pb::CreateCustomerRequest {
            email: "jane@example.com".to_owned(),
            name: "Jane Doe".to_owned(),
            phone: "+1 415 555 2671".to_owned(),
            address: Some(pb::Address {
                first_name: "Jane".to_owned(),
                last_name: "Doe".to_owned(),
                line1: "1 Main Street".to_owned(),
                line2: "Flat 2".to_owned(),
                city: "San Francisco".to_owned(),
                state: "CA".to_owned(),
                postal_code: "94105".to_owned(),
                country: "US".to_owned(),
            }),
            reference_id: "customer-7".to_owned(),
            metadata: [("tier".to_owned(), "gold".to_owned())].into(),
        }
    }

    #[test]
    fn a_customer_comes_back_as_it_was_sent() {
        let mut fields = Fields::default();
        let input = create(&mut fields, sent());
        let input = fields.finish(input).unwrap();
        let shown: pb::Customer = Customer {
            id: CustomerId::generate(&Ids::system()),
            partner_id: PartnerId::parse("acme").unwrap(),
            upstream_id: Some("c1".to_owned()),
            reference_id: input.reference_id,
            details: input.details,
            created_at: Timestamp::from_seconds(1),
            updated_at: Timestamp::from_seconds(2),
            erased_at: None,
            revision: 1,
        }
        .into();
        let back = pb::CreateCustomerRequest {
            email: shown.email,
            name: shown.name,
            phone: shown.phone,
            address: shown.address,
            reference_id: shown.reference_id,
            metadata: shown.metadata,
        };
        assert!(back == sent());
        assert_eq!(shown.upstream_id, "c1");
    }

    #[test]
    fn everything_wrong_with_a_customer_is_told_at_once() {
        let mut fields = Fields::default();
        let message = pb::CreateCustomerRequest {
            name: "n".repeat(101),
            phone: "none".to_owned(),
            address: Some(pb::Address {
                line1: "l".repeat(101),
                postal_code: "p".repeat(21),
                country: "us".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let input = create(&mut fields, message);
        let error = fields.finish(input).unwrap_err();
        let paths: Vec<_> = error.violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(paths, ["email", "name", "phone", "address.line1", "address.postal_code", "address.country"]);
    }
}
