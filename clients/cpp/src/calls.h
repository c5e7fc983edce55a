// The metadata and deadline of each call on a channel to the gateway.
#pragma once

#include <grpcpp/support/client_interceptor.h>

#include <memory>
#include <string>
#include <vector>

namespace corefy::gateway {

// Makes an interceptor a call that adds the key, and an idempotency key where the call changes something. It works
// above gRPC's own repetitions, so that these have the same idempotency key.
std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> Interceptors(std::string api_key);

}  // namespace corefy::gateway
