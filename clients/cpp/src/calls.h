// The metadata and deadline of each call on a channel to the gateway.
#pragma once

#include <grpcpp/support/client_interceptor.h>

#include <memory>
#include <string>
#include <vector>

namespace corefy::gateway {

using InterceptorFactories = std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>>;

// Makes an interceptor a call that adds the key, and an idempotency key where the call changes something. It works
// above gRPC's own repetitions, so that these have the same idempotency key. The others come after it.
InterceptorFactories Interceptors(const std::string& api_key, InterceptorFactories others);

}  // namespace corefy::gateway
