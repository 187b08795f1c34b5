#include "mgmt/cli/ask.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mgmt/cli/api_client.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

Asked understand(const Result<Answer>& answer) {
  if (!answer) {
    const std::string& said = answer.error().message;
    const size_t line = said.find('\n');
    return std::unexpected(
        Refusal{Exit::kUsage, said.substr(0, line), line == std::string::npos ? "" : said.substr(line + 1), {}});
  }
  json body = json::parse(answer->body, nullptr, false);
  if (answer->status >= 200 && answer->status < 300) {
    if (!body.is_discarded()) return body;
    return std::unexpected(Refusal{Exit::kUsage,
                                   "cardea-mgmt's answer is not JSON",
                                   "is the socket given with --api that of another program?",
                                   {}});
  }
  Refusal refusal{Exit::kFailed, text_at(body, "error"), text_at(body, "hint"),
                  body.is_object() ? json_text(body) : ""};
  if (refusal.message.empty()) refusal.message = fmt::format("cardea-mgmt answered with status {}", answer->status);
  return std::unexpected(std::move(refusal));
}

}  // namespace

Asked ask(const Session& session, const std::string& path) {
  return understand(ApiClient(session.api).get(path));
}

Asked tell(const Session& session, const std::string& path, const json& body) {
  return understand(ApiClient(session.api).post(path, body.dump()));
}

Exit complain(const Session& session, const Refusal& refusal) {
  if (!session.json || refusal.body.empty()) return complain(session, refusal.exit, refusal.message, refusal.hint);
  print(refusal.body);
  return refusal.exit;
}

Exit show(const Session& session, const std::string& path, const std::function<std::string(const json&)>& text) {
  const Asked answer = ask(session, path);
  if (!answer) return complain(session, answer.error());
  print(session.json ? json_text(*answer) : text(*answer));
  return Exit::kOk;
}

const json& part_at(const json& object, const char* field) {
  static const json empty = json::object();
  if (!object.is_object()) return empty;
  const auto found = object.find(field);
  return found != object.end() && !found->is_null() ? *found : empty;
}

bool known_at(const json& object, const char* field) {
  return object.is_object() && object.contains(field) && !object.at(field).is_null();
}

std::string text_at(const json& object, const char* field) {
  const json& value = part_at(object, field);
  return value.is_string() ? value.get<std::string>() : "";
}

double number_at(const json& object, const char* field) {
  const json& value = part_at(object, field);
  return value.is_number() ? value.get<double>() : 0;
}

uint64_t count_at(const json& object, const char* field) {
  const json& value = part_at(object, field);
  return value.is_number_integer() && value >= 0 ? value.get<uint64_t>() : 0;
}

bool flag_at(const json& object, const char* field) {
  const json& value = part_at(object, field);
  return value.is_boolean() && value.get<bool>();
}

std::string json_text(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace cardea::mgmt::cli
