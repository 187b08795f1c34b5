// How a route's answers are compressed, as an operator said it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/policies_generated.h"
#include "l7/compress/coding.h"

namespace cardea::l7::compress {

struct Offer {
  Coding coding;
  uint8_t level;
};

struct Settings {
  std::vector<Offer> offers;       // the site's preference first; none: answers go out as they are
  std::vector<std::string> types;  // "text/html", "text/*", "*+json", in small letters
  uint64_t size_min = 1024;        // of bodies whose length is known
  bool private_too = false;        // also what is one client's own

  // Refused: an encoding that is not known, a level that there is none of.
  static Result<Settings> read(const settings::CompressionT& from);
  bool on() const { return !offers.empty(); }
};

// Whether a Content-Type, with whatever parameters, is one of these.
bool lists_type(const std::vector<std::string>& types, std::string_view content_type);

}  // namespace cardea::l7::compress
