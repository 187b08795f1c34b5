// What every image of a plan begins with, whatever else its schema says: the schema's number and the version of the
// program that wrote it. Read and judged before anything else of the image is: verified by another schema's rules it
// would only look damaged. `schema` is field 0 and `made_by` field 1 of each root table in the plans' schemas, for
// good.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace cardea::control {

// Who reads a plan, and by which schema.
struct PlanReader {
  std::string_view program;  // "cardea-l7"
  std::string_view version;  // "0.1.0"
  uint32_t schema = 0;
};

// Is this the head of an image with this identifier, of the reader's own schema? What is of another is refused by
// saying which of the two is older and what to do.
Result<> check_plan_head(Bytes image, const char* identifier, const PlanReader& reader);
// Whether it is what was refused for its schema alone: the program of the plan's own version would take it.
bool is_for_another_build(Bytes image, const char* identifier, const PlanReader& reader);

}  // namespace cardea::control
