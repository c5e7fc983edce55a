#include "calls.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <random>

namespace corefy::gateway {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::MethodOptions;
using grpc::experimental::ClientInterceptorFactoryInterface;
using grpc::experimental::ClientRpcInfo;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::Interceptor;
using grpc::experimental::InterceptorBatchMethods;

// A random UUID (version 4).
std::string Uuid() {
  std::random_device random;
  std::string text = "xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx";
  for (char& letter : text) {
    if (letter == 'x') letter = "0123456789abcdef"[random() % 16];
  }
  return text;
}

// Whether the method of the path `/package.Service/Method` changes something, as its proto says.
bool ChangesSomething(std::string path) {
  path.erase(0, 1);
  std::replace(path.begin(), path.end(), '/', '.');
  const auto* method = DescriptorPool::generated_pool()->FindMethodByName(path);
  return method != nullptr && method->options().idempotency_level() != MethodOptions::NO_SIDE_EFFECTS;
}

class Call final : public Interceptor {
 public:
  Call(const std::string& authorization, bool changes_something)
      : authorization_(authorization), changes_something_(changes_something) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      auto* metadata = methods->GetSendInitialMetadata();
      metadata->emplace("authorization", authorization_);
      if (changes_something_ && metadata->count("idempotency-key") == 0) metadata->emplace("idempotency-key", Uuid());
    }
    methods->Proceed();
  }

 private:
  const std::string& authorization_;
  const bool changes_something_;
};

class Calls final : public ClientInterceptorFactoryInterface {
 public:
  explicit Calls(const std::string& api_key) : authorization_("Bearer " + api_key) {}

  Interceptor* CreateClientInterceptor(ClientRpcInfo* call) override {
    return new Call(authorization_, ChangesSomething(call->method()));
  }

 private:
  const std::string authorization_;
};

}  // namespace

InterceptorFactories Interceptors(const std::string& api_key, InterceptorFactories others) {
  // The first sees a call first.
  others.insert(others.begin(), std::make_unique<Calls>(api_key));
  return others;
}

}  // namespace corefy::gateway
