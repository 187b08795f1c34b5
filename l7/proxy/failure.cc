#include "l7/proxy/failure.h"

namespace cardea::l7::proxy {
namespace {

constexpr Failure kRows[] = {
#define PROXY_REASON(id, word, status, error, origin) {word, error, {}, status, Origin::origin},
#include "l7/proxy/reasons.def"
#undef PROXY_REASON
};

}  // namespace

bool Failure::is(Reason reason) const {
  return word == kRows[size_t(reason)].word;
}

Failure failure(Reason reason, std::string_view detail) {
  Failure row = kRows[size_t(reason)];
  row.detail = detail;
  return row;
}

Failure failure(http::Fault fault) {
  return {http::word(fault), "http_request_error", {}, http::request_status(fault), Origin::kClient};
}

Failure dial_failure(const Error& error, bool timeout, Arena& arena) {
  if (error.origin == Origin::kClient) return failure(Reason::kNameRefused, arena.copy(error.message));
  if (error.origin != Origin::kBackend) return failure(Reason::kLocalFailure, arena.copy(error.message));
  return failure(timeout ? Reason::kConnectTimeout : Reason::kConnectFailed, arena.copy(error.message));
}

std::string_view word(Reason reason) {
  return kRows[size_t(reason)].word;
}

bool gave_up_on_client(const Failure& failed) {
  return failed.is(Reason::kRequestTimeout) || failed.is(Reason::kBodyTimeout) || failed.is(Reason::kClientStalled);
}

}  // namespace cardea::l7::proxy
