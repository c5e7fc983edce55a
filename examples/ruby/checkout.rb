# frozen_string_literal: true

# A shop's checkout: takes a payment with 3-D Secure, gives a part of it back, and follows the events.
#
#     GATEWAY_TARGET=http://127.0.0.1:50051 GATEWAY_API_KEY=$(cat target/dev/api-key) ruby examples/ruby/checkout.rb

require "corefy_gateway"

include Corefy::Gateway::V1

# Asks for 100 dollars and pays them with a card that wants the payer's approval.
def pay(gateway)
  order = CreatePaymentIntentRequest.new(amount: "100.00", currency: "USD", customer_email: "payer@example.com")
  intent = gateway.payment_intents.create_payment_intent(order).payment_intent
  card = Card.new(number: "4000000000003220", expiry_month: 12, expiry_year: 2040, cvv: "123")
  confirmation = ConfirmPaymentIntentRequest.new(payment_intent_id: intent.id, card: card)
  intent = gateway.payment_intents.confirm_payment_intent(confirmation).payment_intent
  send_payer_to(intent.next_action.redirect.url) if intent.state == :PAYMENT_INTENT_STATE_REQUIRES_ACTION
  intent
end

# A shop redirects the payer's browser. Here it is yours, or a program that plays the payer.
def send_payer_to(page)
  return puts "approve the payment at #{page}" unless ENV["SCENARIO_CONTROL"]

  system(ENV["SCENARIO_CONTROL"], "visit", page, exception: true)
end

gateway = CorefyGateway.connect(ENV.fetch("GATEWAY_TARGET"), ENV.fetch("GATEWAY_API_KEY"))
intent = pay(gateway)
gateway.follow_events(types: ["payment_intent.succeeded", "refund.succeeded"]) do |event|
  if event.payment_intent&.id == intent.id
    puts "#{intent.id} is paid: #{event.payment_intent.amount_received} #{intent.currency}"
    gateway.refunds.create_refund(CreateRefundRequest.new(payment_id: intent.id, amount: "25.00", reference_id: "part-#{intent.id}"))
  elsif event.refund&.payment_intent_id == intent.id
    puts "#{event.refund.amount} #{event.refund.currency} of it are given back"
    break
  end
end
