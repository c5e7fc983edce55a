#include "corefy/gateway/error.h"

#include <google/protobuf/util/time_util.h>

#include <utility>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace corefy::gateway {

using google::protobuf::util::TimeUtil;

constexpr char kDomain[] = "corefy-gateway";
constexpr char kPreviousAttempts[] = "previous_attempts";

// The details of a call beside its status.
struct GatewayError::Details {
  std::string reason, request_id;
  std::map<std::string, std::string> fields, metadata;
  std::optional<std::chrono::milliseconds> retry_after;

  Details(const grpc::Status& status, const grpc::ClientContext& context) {
    const auto& trailers = context.GetServerTrailingMetadata();
    if (auto id = trailers.find("x-request-id"); id != trailers.end())
      request_id = {id->second.data(), id->second.size()};
    google::rpc::Status details;
    // Something on the way to the gateway may have spoken, in words of its own.
    if (!details.ParseFromString(status.error_details())) return;
    for (const auto& detail : details.details()) Read(detail);
  }

  void Read(const google::protobuf::Any& detail) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest request;
    google::rpc::RetryInfo retry;
    if (detail.UnpackTo(&info)) {
      if (info.domain() != kDomain) return;
      reason = info.reason();
      metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (detail.UnpackTo(&request)) {
      for (const auto& violation : request.field_violations()) fields[violation.field()] = violation.description();
    } else if (detail.UnpackTo(&retry)) {
      retry_after = std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(retry.retry_delay()));
    }
  }

  // All of it in one line.
  std::string Text(const grpc::Status& status) const {
    std::string text = reason.empty() ? "gRPC code " + std::to_string(status.error_code()) : reason;
    text += ": " + status.error_message();
    for (const auto& [field, problem] : fields) text += "; " + field + ": " + problem;
    return request_id.empty() ? text : text + " (request " + request_id + ")";
  }
};

GatewayError::GatewayError(const grpc::Status& status, const grpc::ClientContext& context)
    : GatewayError(status, Details(status, context)) {}

GatewayError::GatewayError(const grpc::Status& status, Details details)
    : std::runtime_error(details.Text(status)),
      code(status.error_code()),
      message(status.error_message()),
      reason(std::move(details.reason)),
      fields(std::move(details.fields)),
      retry_after(details.retry_after),
      request_id(std::move(details.request_id)),
      metadata(std::move(details.metadata)) {
  // It leaves the value as it is where there is no such name.
  v1::ErrorReason_Parse("ERROR_REASON_" + reason, &reason_code);
}

bool GatewayError::NothingWasSent() const {
  const bool is_of_these = code == grpc::StatusCode::UNAVAILABLE || code == grpc::StatusCode::RESOURCE_EXHAUSTED;
  return is_of_these && !reason.empty() && metadata.count(kPreviousAttempts) == 0;
}

}  // namespace corefy::gateway
