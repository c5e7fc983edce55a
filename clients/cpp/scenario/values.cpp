#include "values.h"

#include <regex>
#include <sstream>
#include <stdexcept>

using nlohmann::json;

namespace {

bool IsNothing(const json& value) {
  return value.is_null() || value == "" || value == 0 || value == false || (value.is_structured() && value.empty());
}

json Step(const json& value, const std::string& word) {
  if (!value.is_array()) return value.is_object() ? value.value(word, json()) : json();
  if (word == "#") return value.size();
  const auto place = std::stoul(word);
  return place < value.size() ? value[place] : json();
}

}  // namespace

json FilledIn(json value, const json& variables) {
  if (value.is_structured()) {
    for (json& inner : value) inner = FilledIn(inner, variables);
    return value;
  }
  if (!value.is_string() || value == "{{any}}") return value;
  static const std::regex kName(R"(\{\{(\w+)\}\})");
  auto text = value.get<std::string>();
  for (std::smatch found; std::regex_search(text, found, kName);) {
    const json& variable = variables.at(found[1].str());
    if (found.prefix().length() + found.suffix().length() == 0) return variable;
    const auto plain = variable.is_string() ? variable.get<std::string>() : variable.dump();
    text = found.prefix().str() + plain + found.suffix().str();
  }
  return text;
}

json At(json value, const std::string& path) {
  std::istringstream words(path);
  for (std::string word; std::getline(words, word, '.');) value = Step(value, word);
  return value;
}

void Check(const json& actual, const json& expected, const std::string& what) {
  const bool is_same = actual == expected || (IsNothing(actual) && IsNothing(expected));
  const bool fits = expected == "{{any}}" ? !IsNothing(actual) : is_same;
  if (!fits) throw std::runtime_error(what + " is " + actual.dump() + ", not " + expected.dump());
}

void CheckAll(const json& actual, const json& expected, const std::string& what) {
  for (const auto& [path, value] : expected.items()) Check(At(actual, path), value, what + " " + path);
}
