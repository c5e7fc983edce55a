# frozen_string_literal: true

# Client of corefy-gateway: takes payments and gives them back, exactly once.
#
#     gateway = CorefyGateway.connect("https://gateway.example:50051", api_key)
#     request = Corefy::Gateway::V1::CreatePaymentIntentRequest.new(amount: "100.00", currency: "USD", customer_email: "a@b.example")
#     intent = gateway.payment_intents.create_payment_intent(request).payment_intent
module CorefyGateway
end

require "grpc"
require "corefy/gateway/v1/error_reason_pb"
require "corefy/gateway/v1/customer_service_services_pb"
require "corefy/gateway/v1/event_service_services_pb"
require "corefy/gateway/v1/export_service_services_pb"
require "corefy/gateway/v1/gateway_service_services_pb"
require "corefy/gateway/v1/payment_intent_service_services_pb"
require "corefy/gateway/v1/payment_method_service_services_pb"
require "corefy/gateway/v1/refund_service_services_pb"
require "corefy/gateway/v1/risk_service_services_pb"
require "corefy_gateway/calls"
require "corefy_gateway/constants"
require "corefy_gateway/connection"
require "corefy_gateway/error"
require "corefy_gateway/lists"
