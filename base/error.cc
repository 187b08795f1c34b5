#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace cardea {

std::unexpected<Error> fail_errno(std::string_view what, int error_number) {
  std::string message(what);
  message.append(": ").append(std::generic_category().message(error_number));
  return fail(std::move(message));
}

std::unexpected<Error> fail_errno(std::string_view what) {
  return fail_errno(what, errno);
}

}  // namespace cardea
