// The values of the scenario: variables, paths, and what fits.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

// The value with `{{name}}` replaced; a text that is nothing else becomes the variable's value, whatever its type.
nlohmann::json FilledIn(nlohmann::json value, const nlohmann::json& variables);

// The value at the path; null where there is none.
nlohmann::json At(nlohmann::json value, const std::string& path);

// Throws unless the value fits what is expected.
void Check(const nlohmann::json& actual, const nlohmann::json& expected, const std::string& what);

// Checks what is at each path.
void CheckAll(const nlohmann::json& actual, const nlohmann::json& expected, const std::string& what);
