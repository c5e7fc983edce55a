// A shop's checkout: takes a payment with 3-D Secure, gives a part of it back, and follows the events.
#include <corefy/gateway/client.h>

#include <cstdlib>
#include <iostream>

namespace v1 = corefy::gateway::v1;
using corefy::gateway::Gateway;
using corefy::gateway::GatewayError;

// A shop redirects the payer's browser. Here it is yours, or a program that plays the payer.
void SendPayerTo(const std::string& page) {
  const char* control = std::getenv("SCENARIO_CONTROL");
  if (control == nullptr) {
    std::cout << "approve the payment at " << page << std::endl;
  } else if (std::system((std::string(control) + " visit '" + page + "'").c_str()) != 0) {
    throw std::runtime_error("the payer could not approve");
  }
}

// Pays 100 dollars with a card that wants the payer's approval.
v1::PaymentIntent Pay(const Gateway& gateway) {
  grpc::ClientContext creation, confirmation;
  v1::CreatePaymentIntentRequest order;
  v1::CreatePaymentIntentResponse created;
  order.set_amount("100.00"), order.set_currency("USD"), order.set_customer_email("payer@example.com");
  auto status = gateway.payment_intents->CreatePaymentIntent(&creation, order, &created);
  if (!status.ok()) throw GatewayError(status, creation);
  v1::ConfirmPaymentIntentRequest payment;
  v1::ConfirmPaymentIntentResponse confirmed;
  payment.set_payment_intent_id(created.payment_intent().id());
  auto& card = *payment.mutable_card();
  card.set_number("4000000000003220"), card.set_expiry_month(12), card.set_expiry_year(2040), card.set_cvv("123");
  status = gateway.payment_intents->ConfirmPaymentIntent(&confirmation, payment, &confirmed);
  if (!status.ok()) throw GatewayError(status, confirmation);
  const auto& intent = confirmed.payment_intent();
  if (intent.state() == v1::PAYMENT_INTENT_STATE_REQUIRES_ACTION) SendPayerTo(intent.next_action().redirect().url());
  return intent;
}

int main() {
  const auto gateway = corefy::gateway::Connect(std::getenv("GATEWAY_TARGET"), std::getenv("GATEWAY_API_KEY"));
  const auto intent = Pay(gateway);
  v1::StreamEventsRequest paid_or_refunded;
  paid_or_refunded.add_types("payment_intent.succeeded");
  paid_or_refunded.add_types("refund.succeeded");
  gateway.FollowEvents(paid_or_refunded, [&](const v1::Event& event) {
    if (event.payment_intent().id() == intent.id()) {
      std::cout << intent.id() << " is paid: " << event.payment_intent().amount_received() << std::endl;
      grpc::ClientContext context;
      v1::CreateRefundRequest refund;
      v1::CreateRefundResponse refunded;
      refund.set_payment_id(intent.id()), refund.set_amount("25.00"), refund.set_reference_id("part-" + intent.id());
      const auto status = gateway.refunds->CreateRefund(&context, refund, &refunded);
      if (!status.ok()) throw GatewayError(status, context);
    }
    return event.refund().payment_intent_id() != intent.id();  // until a part of it is given back
  });
}
