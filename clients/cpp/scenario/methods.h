// The client's calls as functions from JSON to JSON.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "corefy/gateway/client.h"

// Makes the call `package.Service/Method` through its stub. Throws GatewayError.
nlohmann::json Unary(const corefy::gateway::Gateway& gateway, grpc::ClientContext& context, const std::string& method,
                     const nlohmann::json& request);

// Takes the given number of events from a stream, which is then canceled.
nlohmann::json Take(const corefy::gateway::Gateway& gateway, grpc::ClientContext& context,
                    const nlohmann::json& request, std::size_t count);
