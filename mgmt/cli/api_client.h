// The management API over its Unix socket. What the API answers, good or bad, is an Answer; an Error means that nobody
// answered, and says what an operator can do about it: which socket, whether cardea-mgmt runs, which group may open it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cardea::mgmt::cli {

struct Answer {
  int status = 0;  // HTTP
  std::string body;
};

class ApiClient {
 public:
  explicit ApiClient(std::string socket) : socket_(std::move(socket)) {}

  Result<Answer> get(const std::string& path) const;
  Result<Answer> post(const std::string& path, const std::string& json) const;

 private:
  Result<> reachable() const;

  std::string socket_;
};

// What stands in a query or a path, escaped (RFC 3986 section 2.1).
std::string escaped(std::string_view text);

// Why the socket cannot be used, from connect's errno, as one sentence and a hint separated by "\n".
std::string why_unreachable(const std::string& socket, int error_number);

}  // namespace cardea::mgmt::cli
