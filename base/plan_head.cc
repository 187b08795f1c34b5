#include "base/plan_head.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <compare>
#include <string>
#include <vector>

namespace cardea::control {
namespace {

constexpr flatbuffers::voffset_t kSchemaField = 4, kMadeByField = 6;  // places in a table's list of fields

class Head : private flatbuffers::Table {
 public:
  bool Verify(flatbuffers::Verifier& verifier) const {
    return VerifyTableStart(verifier) && VerifyField<uint32_t>(verifier, kSchemaField, 4) && verifier.EndTable();
  }
  uint32_t schema() const { return GetField<uint32_t>(kSchemaField, 0); }

  // Empty where none can be read: another schema may have had anything in this place.
  std::string_view made_by(Bytes image) const {
    flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(image.data()), image.size());
    if (!VerifyOffset(verifier, kMadeByField)) return {};
    const auto* text = GetPointer<const flatbuffers::String*>(kMadeByField);
    return text != nullptr && verifier.VerifyString(text) ? text->string_view() : std::string_view();
  }
};

// "0.10.2" → 0, 10, 2; nothing for what is no version.
std::vector<uint32_t> numbers_of(std::string_view version) {
  std::vector<uint32_t> numbers;
  for (const char *at = version.data(), *end = at + version.size();; ++at) {
    const auto [next, error] = std::from_chars(at, end, numbers.emplace_back());
    if (error != std::errc()) return {};
    if (next == end) return numbers;
    if (*next != '.') return {};
    at = next;
  }
}

constexpr std::string_view kInstall = "install the same version of all packages";

std::string refusal_of(uint32_t schema, std::string_view made_by, const PlanReader& reader) {
  const auto theirs = numbers_of(made_by), ours = numbers_of(reader.version);
  const auto schemas = fmt::format("it is of schema {:08x}, this {} {} reads {:08x}", schema, reader.program,
                                   reader.version, reader.schema);
  if (theirs.empty())
    return fmt::format("the plan was made by an older cardea-mgmt: {}; {} and restart cardea-mgmt", schemas, kInstall);
  if (theirs == ours)
    return fmt::format(
        "the plan was made by a cardea-mgmt {} of another build: {}; {}, from one build, and restart them", made_by,
        schemas, kInstall);
  const bool they_are_older = theirs < ours;
  return fmt::format("the plan was made by {} cardea-mgmt, {}: {}; {} and restart {}",
                     they_are_older ? "an older" : "a newer", made_by, schemas, kInstall,
                     they_are_older ? "cardea-mgmt" : reader.program);
}

Result<const Head*> head_of(Bytes image, const char* identifier) {
  const auto* data = reinterpret_cast<const uint8_t*>(image.data());
  if (image.size() < 16 || !flatbuffers::BufferHasIdentifier(data, identifier))
    return fail(fmt::format("not a plan: its identifier is not {}", identifier));
  flatbuffers::Verifier verifier(data, image.size());
  if (!verifier.VerifyBuffer<Head>(identifier)) return fail("the plan is damaged: it has no head");
  return flatbuffers::GetRoot<Head>(data);
}

}  // namespace

Result<> check_plan_head(Bytes image, const char* identifier, const PlanReader& reader) {
  auto head = head_of(image, identifier);
  if (!head) return std::unexpected(std::move(head.error()));
  if ((*head)->schema() == reader.schema) return {};
  return fail(refusal_of((*head)->schema(), (*head)->made_by(image), reader));
}

bool is_for_another_build(Bytes image, const char* identifier, const PlanReader& reader) {
  const auto head = head_of(image, identifier);
  return head && (*head)->schema() != reader.schema && !numbers_of((*head)->made_by(image)).empty();
}

}  // namespace cardea::control
