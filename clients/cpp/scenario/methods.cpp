#include "methods.h"

#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>

#include "corefy/gateway/lists.h"
#include "values.h"

using corefy::gateway::Gateway;
using corefy::gateway::GatewayError;
using corefy::gateway::Lists;
using corefy::gateway::Pages;
using nlohmann::json;
namespace v1 = corefy::gateway::v1;

namespace {

constexpr std::chrono::seconds kPatienceWithStreams{30};

json AsJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  return json::parse(text);
}

template <class Request>
Request FromJson(const json& value) {
  Request request;
  const auto status = google::protobuf::util::JsonStringToMessage(value.dump(), &request);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  return request;
}

using Method = std::function<json(const Gateway&, grpc::ClientContext&, const json& request)>;

template <class Stub, class Request, class Response>
Method Through(std::unique_ptr<Stub> Gateway::*service,
               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  return [=](const Gateway& gateway, grpc::ClientContext& context, const json& request) {
    Response response;
    const auto status = ((*(gateway.*service)).*method)(&context, FromJson<Request>(request), &response);
    if (!status.ok()) throw GatewayError(status, context);
    return AsJson(response);
  };
}

const std::map<std::string, Method>& Methods() {
  using PaymentIntents = v1::PaymentIntentService::Stub;
  using Refunds = v1::RefundService::Stub;
  using Customers = v1::CustomerService::Stub;
  using PaymentMethods = v1::PaymentMethodService::Stub;
  using Risk = v1::RiskService::Stub;
  using Itself = v1::GatewayService::Stub;
  static const std::map<std::string, Method> kMethods = {
      {"CreatePaymentIntent", Through(&Gateway::payment_intents, &PaymentIntents::CreatePaymentIntent)},
      {"ConfirmPaymentIntent", Through(&Gateway::payment_intents, &PaymentIntents::ConfirmPaymentIntent)},
      {"GetPaymentIntent", Through(&Gateway::payment_intents, &PaymentIntents::GetPaymentIntent)},
      {"ListAttempts", Through(&Gateway::payment_intents, &PaymentIntents::ListAttempts)},
      {"ListPaymentIntents", Through(&Gateway::payment_intents, &PaymentIntents::ListPaymentIntents)},
      {"ListChargebacks", Through(&Gateway::payment_intents, &PaymentIntents::ListChargebacks)},
      {"CancelPaymentIntent", Through(&Gateway::payment_intents, &PaymentIntents::CancelPaymentIntent)},
      {"CreateRefund", Through(&Gateway::refunds, &Refunds::CreateRefund)},
      {"GetRefund", Through(&Gateway::refunds, &Refunds::GetRefund)},
      {"ListRefunds", Through(&Gateway::refunds, &Refunds::ListRefunds)},
      {"CreateCustomer", Through(&Gateway::customers, &Customers::CreateCustomer)},
      {"UpdateCustomer", Through(&Gateway::customers, &Customers::UpdateCustomer)},
      {"EraseCustomer", Through(&Gateway::customers, &Customers::EraseCustomer)},
      {"ErasePayer", Through(&Gateway::customers, &Customers::ErasePayer)},
      {"ExportPersonalData", Through(&Gateway::customers, &Customers::ExportPersonalData)},
      {"GetErasure", Through(&Gateway::customers, &Customers::GetErasure)},
      {"GetCustomer", Through(&Gateway::customers, &Customers::GetCustomer)},
      {"ListCustomers", Through(&Gateway::customers, &Customers::ListCustomers)},
      {"CreatePaymentMethod", Through(&Gateway::payment_methods, &PaymentMethods::CreatePaymentMethod)},
      {"UpdatePaymentMethod", Through(&Gateway::payment_methods, &PaymentMethods::UpdatePaymentMethod)},
      {"DeletePaymentMethod", Through(&Gateway::payment_methods, &PaymentMethods::DeletePaymentMethod)},
      {"GetPaymentMethod", Through(&Gateway::payment_methods, &PaymentMethods::GetPaymentMethod)},
      {"ListPaymentMethods", Through(&Gateway::payment_methods, &PaymentMethods::ListPaymentMethods)},
      {"ListSupportedPaymentMethods", Through(&Gateway::payment_methods, &PaymentMethods::ListSupportedPaymentMethods)},
      {"ListEvents", Through(&Gateway::events, &v1::EventService::Stub::ListEvents)},
      {"CheckRules", Through(&Gateway::risk, &Risk::CheckRules)},
      {"ApplyRules", Through(&Gateway::risk, &Risk::ApplyRules)},
      {"RevertRules", Through(&Gateway::risk, &Risk::RevertRules)},
      {"GetRules", Through(&Gateway::risk, &Risk::GetRules)},
      {"ListRulesVersions", Through(&Gateway::risk, &Risk::ListRulesVersions)},
      {"BacktestRules", Through(&Gateway::risk, &Risk::BacktestRules)},
      {"ListDecisions", Through(&Gateway::risk, &Risk::ListDecisions)},
      {"ExplainDecision", Through(&Gateway::risk, &Risk::ExplainDecision)},
      {"CreateList", Through(&Gateway::risk, &Risk::CreateList)},
      {"ListLists", Through(&Gateway::risk, &Risk::ListLists)},
      {"AddListEntries", Through(&Gateway::risk, &Risk::AddListEntries)},
      {"RemoveListEntry", Through(&Gateway::risk, &Risk::RemoveListEntry)},
      {"ListListEntries", Through(&Gateway::risk, &Risk::ListListEntries)},
      {"ListReviews", Through(&Gateway::risk, &Risk::ListReviews)},
      {"ApproveReview", Through(&Gateway::risk, &Risk::ApproveReview)},
      {"RejectReview", Through(&Gateway::risk, &Risk::RejectReview)},
      {"GetGatewayInfo", Through(&Gateway::gateway, &Itself::GetGatewayInfo)},
      {"TestConnection", Through(&Gateway::gateway, &Itself::TestConnection)},
      {"ListApiCalls", Through(&Gateway::gateway, &Itself::ListApiCalls)},
      {"GetApiCallStats", Through(&Gateway::gateway, &Itself::GetApiCallStats)},
      {"GetTimeline", Through(&Gateway::gateway, &Itself::GetTimeline)},
  };
  return kMethods;
}

using Reader = std::function<json(const Gateway&, grpc::ClientContext&, const json& step)>;

template <class Stub, class Request, class Response>
Reader Reading(std::unique_ptr<Stub> Gateway::*service,
               std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(grpc::ClientContext*, const Request&)) {
  return [=](const Gateway& gateway, grpc::ClientContext& context, const json& step) {
    const auto stream = ((*(gateway.*service)).*method)(&context, FromJson<Request>(step["request"]));
    const auto take = step.value("take", std::numeric_limits<std::size_t>::max());
    json messages = json::array();
    for (Response message; messages.size() < take && stream->Read(&message);) {
      const json member = At(AsJson(message), step.value("each", ""));
      if (!member.is_null()) messages.push_back(member);
    }
    const bool is_left = messages.size() == take;
    if (is_left) context.TryCancel();
    const auto status = stream->Finish();
    if (!status.ok() && !is_left) throw GatewayError(status, context);
    return json{{"messages", messages}};
  };
}

const std::map<std::string, Reader>& Readers() {
  static const std::map<std::string, Reader> kReaders = {
      {"StreamEvents", Reading(&Gateway::events, &v1::EventService::Stub::StreamEvents)},
      {"Export", Reading(&Gateway::exports, &v1::ExportService::Stub::Export)},
  };
  return kReaders;
}

using Lister = std::function<json(const Gateway&, const json& step)>;

template <class Entry, class Request>
Lister Listing(Pages<Entry> (Lists::*list)(const Request&) const) {
  return [=](const Gateway& gateway, const json& step) {
    const auto take = step.value("take", std::numeric_limits<std::size_t>::max());
    json messages = json::array();
    for (const Entry& entry : (Lists(gateway).*list)(FromJson<Request>(step["request"]))) {
      const json member = At(AsJson(entry), step.value("each", ""));
      if (!member.is_null()) messages.push_back(member);
      if (messages.size() == take) break;
    }
    return json{{"messages", messages}};
  };
}

const std::map<std::string, Lister>& Listers() {
  static const std::map<std::string, Lister> kListers = {
      {"ListPaymentIntents", Listing(&Lists::PaymentIntents)},
      {"ListChargebacks", Listing(&Lists::Chargebacks)},
      {"ListRefunds", Listing(&Lists::Refunds)},
      {"ListCustomers", Listing(&Lists::Customers)},
      {"ListPaymentMethods", Listing(&Lists::PaymentMethods)},
      {"ListEvents", Listing(&Lists::Events)},
      {"ListApiCalls", Listing(&Lists::ApiCalls)},
      {"GetTimeline", Listing(&Lists::TimelineEntries)},
      {"ListRulesVersions", Listing(&Lists::RulesVersions)},
      {"ListListEntries", Listing(&Lists::ListEntries)},
      {"ListDecisions", Listing(&Lists::Decisions)},
      {"ListReviews", Listing(&Lists::Reviews)},
  };
  return kListers;
}

std::string NameOf(const std::string& method) { return method.substr(method.find('/') + 1); }

}  // namespace

json Unary(const Gateway& gateway, grpc::ClientContext& context, const std::string& method, const json& request) {
  return Methods().at(NameOf(method))(gateway, context, request);
}

json Stream(const Gateway& gateway, grpc::ClientContext& context, const json& step) {
  context.set_deadline(std::chrono::system_clock::now() + kPatienceWithStreams);
  return Readers().at(NameOf(step["stream"]))(gateway, context, step);
}

json List(const Gateway& gateway, const json& step) { return Listers().at(NameOf(step["list"]))(gateway, step); }
