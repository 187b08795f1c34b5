#include "mgmt/health/transfer.h"

#include <cerrno>
#include <system_error>

namespace cardea::mgmt::health {
namespace {

bool is_our_own(int error_number) {
  switch (error_number) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:  // every local port towards this address is taken
    case EAFNOSUPPORT:   // IPv6 is off on this host
    case ENETUNREACH:    // no way leaves this host: the dataplane is away, and its interfaces with it
    case EACCES:
    case EPERM:  // a local packet filter says no
      return true;
    default:
      return false;
  }
}

std::string words(int error_number) {
  switch (error_number) {
    case ECONNREFUSED:
      return "refused";
    case ECONNRESET:
    case EPIPE:
      return "reset";
    case ETIMEDOUT:
      return "timeout";
    case EHOSTUNREACH:
      return "no route";
    default:
      return std::generic_category().message(error_number);
  }
}

}  // namespace

Transfer transfer_failure(int error_number) {
  const auto kind = is_our_own(error_number) ? Transfer::Kind::kOwnFailure : Transfer::Kind::kFailed;
  return {.kind = kind, .reason = words(error_number)};
}

}  // namespace cardea::mgmt::health
