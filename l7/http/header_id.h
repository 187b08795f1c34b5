// Names of headers as numbers: a switch on HeaderId replaces comparisons of text in every room after the parser. The
// rows are header_names.def; a perfect hash over five of a name's bytes, found by the compiler, leaves one comparison a
// lookup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cardea::l7::http {

enum class HeaderId : uint8_t {
  kOther,
#define HTTP_HEADER(id, name) id,
#include "l7/http/header_names.def"
#undef HTTP_HEADER
  kLookAlike,  // the letters and digits of a row above, otherwise dotted: some backends read both as one; not forwarded
  kCount,
};
static_assert(size_t(HeaderId::kCount) <= 64, "sets of headers are 64 bits");

constexpr uint64_t bit(HeaderId id) {
  return uint64_t{1} << size_t(id);
}
template <typename... Ids>
constexpr uint64_t header_set(Ids... ids) {
  return (bit(ids) | ...);
}

// `name` is a token. kOther when no row has it, in whatever case.
HeaderId header_id(std::string_view name);
// The row whose letters and digits, in their order, are those of `name`: what stands between them is one to CGI and its
// kin. kOther when no row's are.
HeaderId look_alike_of(std::string_view name);
// Whether CGI and its kin read both as one name.
bool reads_alike(std::string_view name, std::string_view other);
std::string_view canonical_name(HeaderId id);  // "Content-Length"

}  // namespace cardea::l7::http
