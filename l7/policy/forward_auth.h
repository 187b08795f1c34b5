// A service that says who may ask (settings.ForwardAuth): what it is told, what of its answer goes where, and what it
// said lately.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/policies_generated.h"
#include "base/template.h"
#include "l7/http/header_changes.h"
#include "l7/http/headers.h"
#include "l7/policy/remembered.h"

namespace cardea::l7::policy {

// The pools of a plan by their names.
using PoolNumbers = std::unordered_map<std::string, uint32_t>;

// What the service said, or why it said nothing.
struct AuthAnswer {
  uint16_t status = 0;          // 0: there is no answer
  std::string_view fault;       // then: a reason's word
  std::string head;             // of a refusal: as it came, without what ended at this hop
  std::string body;             // and its body, of up to 64 KiB
  std::string backend_lines;    // of one that lets pass: headers for the backend, each with its CR LF
  std::string client_lines;     // and for the client
  std::string user;             // who that is; empty: nobody said
  bool own = false;             // it sets a cookie: it is for whose request was asked about, and nobody else's
  double until = 0;             // seconds since 1970; 0: it is not remembered

  bool passes() const { return status >= 200 && status < 300; }
  bool refuses() const { return status >= 300 && status < 500 && status != 304; }
  size_t bytes() const { return head.size() + body.size() + backend_lines.size() + client_lines.size() + user.size(); }
};

struct ForwardAuth {
  uint32_t pool = 0;  // index in LivePlan::pools
  std::string path, host;
  std::vector<std::string> request_headers, answer_headers, client_headers;  // in the operator's spelling
  std::string user_header;
  std::chrono::milliseconds timeout{5000}, cache{0}, cache_refusals{0};
  bool pass_when_away = false;
  Template key;  // empty: whatever the service is told
  std::shared_ptr<Remembered<AuthAnswer>> memory;

  bool sees(const http::Header& header) const;  // of the request, beside cookies and credentials
  // What there is in an answer that lets pass.
  void digest(const http::Headers& headers, AuthAnswer& to) const;
  // How long that one is remembered.
  std::chrono::milliseconds kept_for(const AuthAnswer& answer) const;

  static Result<ForwardAuth> read(const settings::ForwardAuthT& from, const PoolNumbers& pools);
};

}  // namespace cardea::l7::policy
