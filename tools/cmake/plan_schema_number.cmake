# cmake -DSCHEMA="plan.fbs;policies.fbs" -DFOLDER=l7 -DVERSION=0.1.0 -DOUT=plan_schema_number.h -P plan_schema_number.cmake
# The number of a plan's schema, from its text: whoever changes a field changes the number, and nobody has to remember it.
# Comments and blanks count for nothing.
set(text "")
foreach(file IN LISTS SCHEMA)
  file(READ ${file} more)
  string(APPEND text "${more}\n")
endforeach()
string(REGEX REPLACE "//[^\n]*" "" text "${text}")
string(REGEX REPLACE "[ \t\r\n]+" " " text "${text}")
string(STRIP "${text}" text)
string(SHA256 digest "${text}")
string(SUBSTRING ${digest} 0 8 number)
file(WRITE ${OUT} "// Made of ${FOLDER}/plan.fbs by tools/cmake/plan_schema_number.cmake.
#pragma once

#include <cstdint>

namespace cardea::${FOLDER} {
inline constexpr uint32_t kPlanSchema = 0x${number};
inline constexpr const char* kPlanVersion = \"${VERSION}\";  // of the package that this build is part of
}  // namespace cardea::${FOLDER}
")
