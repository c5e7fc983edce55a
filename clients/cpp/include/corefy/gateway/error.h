// The error that a call to the gateway ends with.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "corefy/gateway/v1/error_reason.pb.h"

namespace corefy::gateway {

// A call that did not succeed: refused by the gateway, or not answered by it. A declined payment is not one.
// Made from what the call returned, to be thrown or looked at: `if (!status.ok()) throw GatewayError(status,
// context);`.
class GatewayError : public std::runtime_error {
 public:
  GatewayError(const grpc::Status& status, const grpc::ClientContext& context);

  grpc::StatusCode code;
  // A sentence for developers; what() has it with all the rest.
  std::string message;
  // A name of ErrorReason without its prefix, such as FIELDS_INVALID; empty when it was not the gateway that spoke.
  std::string reason;
  // The reason as a value of the enum; ERROR_REASON_UNSPECIFIED for an empty one and for one that is younger than this
  // client.
  v1::ErrorReason reason_code = v1::ERROR_REASON_UNSPECIFIED;
  // The invalid fields of the request by path, each with its reason.
  std::map<std::string, std::string> fields;
  // After how long the same call may succeed; nothing when waiting does not help.
  std::optional<std::chrono::milliseconds> retry_after;
  // The id by which the gateway's operator finds the call; empty when the gateway was not reached.
  std::string request_id;
  // The metadata that ErrorReason documents for this reason.
  std::map<std::string, std::string> metadata;

  // Whether this call provably sent nothing to Corefy: the gateway itself said so, to the call's first attempt.
  // Otherwise make the call again under the same idempotency key, or read the object: it may have been done. After
  // repetitions it is always false, for gRPC, which makes them, does not show how the earlier attempts ended.
  bool NothingWasSent() const;

 private:
  struct Details;
  GatewayError(const grpc::Status& status, Details details);
};

}  // namespace corefy::gateway
