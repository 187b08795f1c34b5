// The API's answers as commands need them: JSON when it said yes, the exit code and the words when it did not.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "mgmt/cli/session.h"

namespace cardea::mgmt::cli {

struct Refusal {
  Exit exit = Exit::kFailed;
  std::string message, hint;
  std::string body;  // what the API answered; empty when nobody did
};

using Asked = std::expected<nlohmann::json, Refusal>;

Asked ask(const Session& session, const std::string& path);
Asked tell(const Session& session, const std::string& path, const nlohmann::json& body);

// Prints a refusal in the way the session wants; with --json the API's own answer.
Exit complain(const Session& session, const Refusal& refusal);

// Most commands: one question, its answer printed as JSON or made into text.
Exit show(const Session& session, const std::string& path,
          const std::function<std::string(const nlohmann::json&)>& text);

// Fields of an answer, forgiving: what is missing, null or of another type is "", 0 or false.
std::string text_at(const nlohmann::json& object, const char* field);
double number_at(const nlohmann::json& object, const char* field);
uint64_t count_at(const nlohmann::json& object, const char* field);
bool flag_at(const nlohmann::json& object, const char* field);
const nlohmann::json& part_at(const nlohmann::json& object, const char* field);  // an empty object when missing
bool known_at(const nlohmann::json& object, const char* field);                  // there and not null

std::string json_text(const nlohmann::json& value);  // indented, with a line end

}  // namespace cardea::mgmt::cli
