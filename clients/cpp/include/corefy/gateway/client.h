// Client of corefy-gateway: takes payments and gives them back, exactly once.
//
//   auto gateway = corefy::gateway::Connect("https://gateway.example:50051", api_key);
//   grpc::ClientContext context;
//   grpc::Status status = gateway.payment_intents->CreatePaymentIntent(&context, request, &response);
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/client_interceptor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "corefy/gateway/constants.h"
#include "corefy/gateway/error.h"
#include "corefy/gateway/v1/customer_service.grpc.pb.h"
#include "corefy/gateway/v1/event_service.grpc.pb.h"
#include "corefy/gateway/v1/export_service.grpc.pb.h"
#include "corefy/gateway/v1/gateway_service.grpc.pb.h"
#include "corefy/gateway/v1/payment_intent_service.grpc.pb.h"
#include "corefy/gateway/v1/payment_method_service.grpc.pb.h"
#include "corefy/gateway/v1/refund_service.grpc.pb.h"
#include "corefy/gateway/v1/risk_service.grpc.pb.h"

namespace corefy::gateway {

// The services of a gateway; threads may share it. Each call has the key, a deadline of 45 seconds unless its context
// has an earlier one, and an idempotency key where it changes something, unless its context has one. A call that meets
// UNAVAILABLE is made again, up to 5 times in all, with the same idempotency key.
struct Gateway {
  std::unique_ptr<v1::PaymentIntentService::Stub> payment_intents;
  std::unique_ptr<v1::RefundService::Stub> refunds;
  std::unique_ptr<v1::CustomerService::Stub> customers;
  std::unique_ptr<v1::PaymentMethodService::Stub> payment_methods;
  std::unique_ptr<v1::EventService::Stub> events;
  std::unique_ptr<v1::ExportService::Stub> exports;
  std::unique_ptr<v1::RiskService::Stub> risk;  // for keys with the scope `risk`
  std::unique_ptr<v1::GatewayService::Stub> gateway;

  // Hands over the events that `request` asks for (an empty one: all, from the oldest that is kept), and then each as
  // it happens, until `handle` returns false. The default view has no personal data. After a break it resumes after the
  // last event. Throws GatewayError when that does not help.
  void FollowEvents(v1::StreamEventsRequest request, const std::function<bool(const v1::Event&)>& handle) const;
};

// How a gateway is reached, beside target and key.
struct Options {
  // For a private authority or a client certificate: see grpc::SslCredentials.
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  // They see each call once, with the key and the idempotency key on it: for traces and metrics.
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  // Sets further arguments of the channel, or others than the client's own.
  std::function<void(grpc::ChannelArguments&)> adjust;
};

// Gives a gateway's services. The connection is made by the first call, and made again when it breaks.
//
// `target` is `https://host:port`, or `host:port` for the same; only `http://host:port` goes without TLS. `credentials`
// are for a private authority or a client certificate: see grpc::SslCredentials. Throws std::invalid_argument.
Gateway Connect(const std::string& target, const std::string& api_key,
                std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr);

// The same, with further options.
Gateway Connect(const std::string& target, const std::string& api_key, Options options);

}  // namespace corefy::gateway
