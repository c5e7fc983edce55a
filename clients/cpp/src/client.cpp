#include "corefy/gateway/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

#include "calls.h"

namespace corefy::gateway {
namespace {

// Deadline and repetitions, as gRPC's service config has them. It allows 5 attempts at most; their pauses, up to 5
// seconds in all, outlast a restart of the gateway. Streams have no deadline.
constexpr char kServiceConfig[] = R"({"methodConfig": [
  {"name": [{"service": "corefy.gateway.v1.EventService", "method": "StreamEvents"},
            {"service": "corefy.gateway.v1.ExportService", "method": "Export"}], "retryPolicy":
    {"maxAttempts": 5, "initialBackoff": "0.25s", "backoffMultiplier": 3, "maxBackoff": "2s",
     "retryableStatusCodes": ["UNAVAILABLE"]}},
  {"name": [{}], "timeout": "45s", "retryPolicy":
    {"maxAttempts": 5, "initialBackoff": "0.25s", "backoffMultiplier": 3, "maxBackoff": "2s",
     "retryableStatusCodes": ["UNAVAILABLE"]}}]})";
// How often a stream of events may break before it brings a message.
constexpr int kStreams = 8;
// The pause before the next stream.
constexpr std::chrono::milliseconds kPauseBetweenStreams{500};

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  // A gateway that restarts is found again within the pauses between attempts.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  return arguments;
}

bool MayFollowAgain(const GatewayError& error) {
  return error.code == grpc::StatusCode::OK || error.code == grpc::StatusCode::UNAVAILABLE ||
         error.reason == "EVENT_READER_TOO_SLOW";
}

}  // namespace

Gateway Connect(const std::string& target, const std::string& api_key,
                std::shared_ptr<grpc::ChannelCredentials> credentials) {
  Options options;
  options.credentials = std::move(credentials);
  return Connect(target, api_key, std::move(options));
}

Gateway Connect(const std::string& target, const std::string& api_key, Options options) {
  const auto end_of_scheme = target.find("://");
  const auto scheme = end_of_scheme == std::string::npos ? "https" : target.substr(0, end_of_scheme);
  const auto address = end_of_scheme == std::string::npos ? target : target.substr(end_of_scheme + 3);
  const bool has_tls = scheme == "https";
  if ((!has_tls && scheme != "http") || address.find(':') == std::string::npos ||
      address.find('/') != std::string::npos) {
    throw std::invalid_argument(target + " is not like https://gateway.example:50051");
  }
  auto& credentials = options.credentials;
  if (!has_tls && credentials) throw std::invalid_argument("credentials need https://");
  if (!credentials) credentials = has_tls ? grpc::SslCredentials({}) : grpc::InsecureChannelCredentials();
  auto arguments = Arguments();
  if (options.adjust) options.adjust(arguments);
  const std::shared_ptr<grpc::Channel> channel = grpc::experimental::CreateCustomChannelWithInterceptors(
      "dns:///" + address, credentials, arguments, Interceptors(api_key, std::move(options.interceptors)));
  return {v1::PaymentIntentService::NewStub(channel), v1::RefundService::NewStub(channel),
          v1::CustomerService::NewStub(channel),      v1::PaymentMethodService::NewStub(channel),
          v1::EventService::NewStub(channel),         v1::ExportService::NewStub(channel),
          v1::RiskService::NewStub(channel),          v1::GatewayService::NewStub(channel)};
}

void Gateway::FollowEvents(v1::StreamEventsRequest request, const std::function<bool(const v1::Event&)>& handle) const {
  for (int broken = 0;;) {
    grpc::ClientContext context;
    const auto stream = events->StreamEvents(&context, request);
    for (v1::StreamEventsResponse message; stream->Read(&message);) {
      broken = 0;
      if (!message.has_event()) {
        // A heartbeat goes past events of other types.
        const auto& passed = message.heartbeat().resume_after_event_id();
        if (!passed.empty()) request.set_after_event_id(passed), request.set_only_new(false);
        continue;
      }
      request.set_after_event_id(message.event().id()), request.set_only_new(false);
      if (!handle(message.event())) return;
    }
    const GatewayError error(stream->Finish(), context);
    if (++broken == kStreams || !MayFollowAgain(error)) throw error;
    std::this_thread::sleep_for(kPauseBetweenStreams);
  }
}

}  // namespace corefy::gateway
