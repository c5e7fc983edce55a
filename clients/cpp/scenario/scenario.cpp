// Runs the cases of clients/scenario against a gateway, with the package as it is installed.
//
// Started by `clients/scenario/run`; clients/scenario/README.md has the format.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "corefy/gateway/client.h"
#include "methods.h"
#include "values.h"

using corefy::gateway::Gateway;
using corefy::gateway::GatewayError;
using nlohmann::json;

namespace {

// Between two looks for what is expected eventually.
constexpr std::chrono::milliseconds kLook{200};
// The names of gRPC's codes, each at its number.
constexpr std::array kCodes = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string TwelveLetters() {
  std::random_device random;
  std::string letters(12, ' ');
  for (char& letter : letters) letter = "0123456789abcdefghijklmnopqrstuvwxyz"[random() % 36];
  return letters;
}

// The members of an object's member; none where it has no such member.
std::map<std::string, json> Members(const json& value, const char* name) { return value.value(name, json::object()); }

void CheckError(const GatewayError& error, const json& expected) {
  json fields = json::array();
  for (const auto& [field, problem] : error.fields) fields.push_back(field);
  // Of a call that gRPC made again, the client cannot know it.
  const bool is_to_be_provable = expected.value("nothing_was_sent", false);
  const bool is_repeated = error.metadata.count("previous_attempts") > 0;
  const json actual = {{"code", kCodes.at(error.code)},
                       {"reason", error.reason},
                       {"fields", fields},
                       {"retry_after", error.retry_after.has_value()},
                       {"nothing_was_sent", error.NothingWasSent() || (is_to_be_provable && is_repeated)}};
  for (const auto& [member, value] : expected.items()) {
    if (member != "metadata") Check(actual.at(member), value, member);
  }
  Check(error.message, "{{any}}", "message");
  const std::string reason = expected.at("reason") == "" ? "UNSPECIFIED" : expected.at("reason");
  Check(corefy::gateway::v1::ErrorReason_Name(error.reason_code), "ERROR_REASON_" + reason, "reason_code");
  Check(!error.request_id.empty(), expected.at("reason") != "", "that there is a request id");
  CheckAll(error.metadata, expected.value("metadata", json::object()), "metadata");
}

// Runs a program to its end; system() would have its words pass through a shell.
void Execute(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) _exit(execv(arguments[0], arguments.data()));
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error(words.at(1) + " failed");
}

// How many calls the runner's interceptors have seen, as a user's would.
std::atomic<int> intercepted = 0;

class Counting final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo*) override {
    ++intercepted;
    return nullptr;
  }
};

// Runs steps, and keeps what they save.
class Runner {
 public:
  void Run(const json& test) {
    variables_ = {{"run", TwelveLetters()}, {"read_key", Variable("SCENARIO_READ_KEY")}};
    for (std::size_t i = 0; i < test["steps"].size(); ++i) {
      try {
        RunStep(FilledIn(test["steps"][i], variables_));
      } catch (const std::exception& error) {
        throw std::runtime_error("step " + std::to_string(i + 1) + ": " + error.what());
      }
    }
  }

 private:
  void RunStep(const json& step) {
    if (step.contains("control")) {
      auto words = step["control"].get<std::vector<std::string>>();
      words.insert(words.begin(), Variable("SCENARIO_CONTROL"));
      return Execute(words);
    }
    const auto start = std::chrono::steady_clock::now();
    const std::chrono::seconds patience(step.value("eventually_seconds", 0));
    while (true) {
      try {
        return Call(step);
      } catch (const std::exception&) {
        if (std::chrono::steady_clock::now() - start >= patience) throw;
        std::this_thread::sleep_for(kLook);
      }
    }
  }

  void Call(const json& step) {
    const auto& gateway = GatewayOf(step.value("api_key", Variable("SCENARIO_API_KEY")));
    const json expected = step.value("expect", json::object());
    grpc::ClientContext context;
    if (step.contains("idempotency_key")) context.AddMetadata("idempotency-key", step["idempotency_key"]);
    json answer;
    try {
      answer = Answer(gateway, context, step);
    } catch (const GatewayError& error) {
      if (!expected.contains("error")) throw;
      return CheckError(error, expected["error"]);
    }
    if (expected.contains("error")) throw std::runtime_error("no error but " + answer.dump());
    CheckAll(answer, expected.value("response", json::object()), "response");
    for (const auto& [name, value] : Members(expected, "metadata")) {
      const auto& headers = context.GetServerInitialMetadata();
      const auto found = headers.find(name);
      Check(found == headers.end() ? "" : std::string(found->second.data(), found->second.size()), value, name);
    }
    for (const auto& [name, path] : Members(step, "save")) variables_[name] = At(answer, path);
  }

  static json Answer(const Gateway& gateway, grpc::ClientContext& context, const json& step) {
    if (step.contains("stream")) return Stream(gateway, context, step);
    if (step.contains("list")) return List(gateway, step);
    return Unary(gateway, context, step["call"], step["request"]);
  }

  const Gateway& GatewayOf(const std::string& api_key) {
    if (gateways_.count(api_key) == 0) {
      const auto authority = Variable("SCENARIO_CA");
      corefy::gateway::Options options;
      if (!authority.empty()) options.credentials = grpc::SslCredentials({Read(authority), "", ""});
      options.interceptors.push_back(std::make_unique<Counting>());
      options.adjust = [](grpc::ChannelArguments& arguments) { arguments.SetUserAgentPrefix("scenario"); };
      gateways_.emplace(api_key, corefy::gateway::Connect(Variable("SCENARIO_TARGET"), api_key, std::move(options)));
    }
    return gateways_.at(api_key);
  }

  std::map<std::string, Gateway> gateways_;
  json variables_;
};

}  // namespace

int main() {
  const json cases = json::parse(Read(Variable("SCENARIO_FILE")))["cases"];
  Runner runner;
  std::size_t failed = 0;
  for (const json& test : cases) {
    std::string outcome = "ok";
    try {
      runner.Run(test);
    } catch (const std::exception& error) {
      outcome = std::string("FAILED: ") + error.what();
      ++failed;
    }
    std::cout << "test cpp: " << test["name"].get<std::string>() << " ... " << outcome << std::endl;
  }
  if (intercepted == 0) {
    std::cout << "the runner's interceptors have seen no call" << std::endl;
    ++failed;
  }
  std::cout << "test result: " << (failed == 0 ? "ok" : "FAILED") << ". " << cases.size() - failed << " passed; "
            << failed << " failed" << std::endl;
  return failed == 0 ? 0 : 1;
}
