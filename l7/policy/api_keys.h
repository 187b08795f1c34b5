// Keys that are asked for (settings.ApiKeys): whose they are, and where a request has one.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "base/policies_generated.h"
#include "l7/policy/key_list.h"

namespace cardea::l7::policy {

class FileBook;

struct ApiKeys {
  std::shared_ptr<const KeyList> keys;  // null: nobody is asked
  std::string header, query;            // query: empty, it stands in the header alone
  std::string challenge;                // "WWW-Authenticate: ApiKey realm=\"shop\"\r\n"

  static Result<ApiKeys> read(const settings::ApiKeysT& from, FileBook& files);
};

}  // namespace cardea::l7::policy
