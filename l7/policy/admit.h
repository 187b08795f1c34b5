// What is decided about a request from its head alone: where its body ends, what it says about its connection, which
// route serves it, or why it is refused. Pure: a plan and a head in, a decision out; `explain` asks the same function.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "l7/http/connection.h"
#include "l7/http/framing.h"
#include "l7/http/head.h"
#include "l7/plan/live_plan.h"

namespace cardea::l7::policy {

struct Admitted {
  http::BodyFraming body;
  http::ConnectionOptions options;
  route::PathReading path;
  route::Match match;
  bool keep_alive = false;  // the client would go on behind this exchange
  bool expects_continue = false;
  bool websocket = false;  // a wish for one, which is forwarded
  std::optional<uint64_t> max_forwards;  // of TRACE and OPTIONS: how many may follow behind the backend
};

// Why it was refused: a malformed request, or one that may not pass.
struct Refusal {
  enum class Why : uint8_t {
    kFault,
    kBodyTooLarge,
    kNoRoute,
    kMaxForwards,  // it is for the one who has it now (RFC 9110 7.6.2)
  };
  Why why = Why::kFault;
  http::Fault fault = http::Fault::kNone;
  Admitted known{};  // but for kFault: its body and connection, which may go on behind the refusal
};

// `scratch` has route::scratch_size(head.path) bytes unless the path is plain; what is returned views it and the head.
std::expected<Admitted, Refusal> admit(const ServicePlan& service, const http::RequestHead& head,
                                       const IpAddress& client, std::span<char> scratch);

}  // namespace cardea::l7::policy
