// Names and passwords that are asked for (settings.BasicAuth).
#pragma once

#include <memory>
#include <string>

#include "base/policies_generated.h"
#include "l7/policy/file_book.h"

namespace cardea::l7::policy {

struct BasicAuth {
  std::shared_ptr<const Users> users;  // null: nobody is asked
  std::string challenge;               // "WWW-Authenticate: Basic realm=\"staff\", charset=\"UTF-8\"\r\n"

  static Result<BasicAuth> read(const settings::BasicAuthT& from, FileBook& files);
};

}  // namespace cardea::l7::policy
