// The client's calls as functions from JSON to JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "corefy/gateway/client.h"

// Makes the call `package.Service/Method` through its stub. Throws GatewayError.
nlohmann::json Unary(const corefy::gateway::Gateway& gateway, grpc::ClientContext& context, const std::string& method,
                     const nlohmann::json& request);

// Reads the stream of a step to its end, or until enough is kept of its messages; then it is canceled. Throws
// GatewayError.
nlohmann::json Stream(const corefy::gateway::Gateway& gateway, grpc::ClientContext& context,
                      const nlohmann::json& step);

// Reads the list of a step to its end, or until enough is kept of its entries. Throws GatewayError.
nlohmann::json List(const corefy::gateway::Gateway& gateway, const nlohmann::json& step);
