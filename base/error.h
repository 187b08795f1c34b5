// Expected failures as values. An Error says in words what went wrong, whose doing it was and whether trying again is
// safe; each layer that passes it on may add one sentence of context. Programmer's mistakes are CHECK (base/check.h).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace cardea {

enum class Origin : unsigned char { kSelf, kClient, kBackend, kOperator };
enum class Retry : unsigned char { kNever, kSafe };

struct Error {
  std::string message;  // one sentence, no full stop: what failed and, where it helps, what to do
  Origin origin = Origin::kSelf;
  Retry retry = Retry::kNever;

  // Puts what was being done in front: "load /etc/cardea/cardea.cfg: no such file".
  Error&& in(std::string_view context) && {
    message.insert(0, ": ").insert(0, context);
    return std::move(*this);
  }
};

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string message, Origin origin = Origin::kSelf, Retry retry = Retry::kNever) {
  return std::unexpected(Error{std::move(message), origin, retry});
}

// The same with errno's text behind it: fail_errno("open /dev/net/tun") → "open /dev/net/tun: Permission denied".
std::unexpected<Error> fail_errno(std::string_view what, int error_number);
std::unexpected<Error> fail_errno(std::string_view what);  // reads errno

}  // namespace cardea
