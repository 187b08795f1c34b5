#include "l7/route/path.h"

#include <cstring>

#include "base/check.h"
#include "l7/http/byte_set.h"

namespace cardea::l7::route {
namespace {

using http::Fault;
using http::hex_value;

constexpr http::ByteSet kUnreserved([](unsigned char c) {
  return http::is_alpha(c) || http::is_digit(c) || http::is_one_of(c, "-._~");
});
// Bytes that cannot begin anything that needs reading.
constexpr http::ByteSet kOrdinary([](unsigned char c) { return c > 0x20 && c < 0x7f && !http::is_one_of(c, "%/;\\"); });

enum class Leniency { kStrict, kLenient };

// One byte of the output, or an escape of three.
struct Unit {
  char bytes[3];
  unsigned size = 1, consumed = 1;
};

// The unit that `rest` begins with, or why it has none.
std::expected<Unit, Fault> read_unit(std::string_view rest, Leniency leniency) {
  Unit unit{{rest[0], 0, 0}};
  if (rest[0] == '\\' && leniency == Leniency::kLenient) unit.bytes[0] = '/';
  if (rest[0] != '%') return unit;
  const int high = rest.size() > 2 ? hex_value(rest[1]) : -1;
  const int low = rest.size() > 2 ? hex_value(rest[2]) : -1;
  if (high < 0 || low < 0) return std::unexpected(Fault::kPathEncoding);
  const char decoded = char(high << 4 | low);
  if (static_cast<unsigned char>(decoded) < 0x20 || decoded == 0x7f) return std::unexpected(Fault::kPathControl);
  unit.consumed = 3;
  if (kUnreserved.has(decoded)) {
    unit.bytes[0] = decoded;
  } else if (leniency == Leniency::kLenient && (decoded == '/' || decoded == '\\')) {
    unit.bytes[0] = '/';
  } else if (leniency == Leniency::kLenient && decoded == ';') {
    unit.bytes[0] = ';';
  } else {
    constexpr char kDigits[] = "0123456789ABCDEF";
    unit = {{'%', kDigits[high], kDigits[low]}, 3, 3};
  }
  return unit;
}

// Decodes into `out`, which has room for as many bytes. The lenient reading also drops parameters and repeated slashes.
std::expected<std::string_view, Fault> decode(std::string_view path, Leniency leniency, char* out) {
  char* at = out;
  bool in_parameters = false;
  for (size_t i = 0; i < path.size();) {
    const auto unit = read_unit(path.substr(i), leniency);
    if (!unit) return std::unexpected(unit.error());
    i += unit->consumed;
    if (leniency == Leniency::kLenient) {
      const char c = unit->bytes[0];
      in_parameters = c == ';' || (in_parameters && c != '/');
      if (in_parameters || (c == '/' && at != out && at[-1] == '/')) continue;
    }
    std::memcpy(at, unit->bytes, unit->size);
    at += unit->size;
  }
  return std::string_view(out, size_t(at - out));
}

// RFC 3986 5.2.4, in place; what would climb above the root is refused instead of dropped.
std::expected<std::string_view, Fault> resolve_dots(char* path, size_t size) {
  size_t out = 0;
  for (size_t at = 0; at < size;) {
    size_t end = at + 1;  // path[at] is the slash before the segment
    while (end < size && path[end] != '/') ++end;
    const std::string_view segment(path + at + 1, end - at - 1);
    const bool last = end == size;
    if (segment == "." || segment == "..") {
      if (segment == "..") {
        if (out == 0) return std::unexpected(Fault::kPathAboveRoot);
        while (path[--out] != '/') {
        }
      }
      if (last) path[out++] = '/';
    } else {
      std::memmove(path + out, path + at, end - at);
      out += end - at;
    }
    at = end;
  }
  return std::string_view(path, out);
}

std::expected<std::string_view, Fault> read_strictly(std::string_view path, char* out, bool& resolved) {
  const auto decoded = decode(path, Leniency::kStrict, out);
  if (!decoded) return decoded;
  const auto clean = resolve_dots(out, decoded->size());
  resolved = clean && clean->size() != decoded->size();
  return clean;
}

// A segment ".." that is there only for whoever also splits at escapes or drops parameters. Where it leads to hangs on
// which of these a backend does, and not on all of them.
bool climbs(std::string_view path) {
  for (size_t at = path.find("/.."); at != path.npos; at = path.find("/..", at + 1))
    if (at + 3 == path.size() || path[at + 3] == '/') return true;
  return false;
}

// Of a path without dot segments.
std::expected<std::string_view, Fault> read_leniently(std::string_view path, char* out) {
  const auto decoded = decode(path, Leniency::kLenient, out);
  if (!decoded) return decoded;
  if (climbs(*decoded)) return std::unexpected(Fault::kPathAmbiguous);
  return resolve_dots(out, decoded->size());
}

bool readers_may_differ(std::string_view path) {
  return path.find("//") != path.npos || path.find_first_of("%;\\") != path.npos;
}

}  // namespace

bool is_plain(std::string_view path) {
  const char* end = path.data() + path.size();
  for (const char* at = kOrdinary.skip(path.data(), end); at != end; at = kOrdinary.skip(at + 1, end)) {
    if (*at != '/') return false;
    if (at + 1 != end && (at[1] == '/' || at[1] == '.')) return false;
  }
  return true;
}

std::expected<PathReading, Fault> read_path(std::string_view path, std::span<char> scratch) {
  if (path == "*") return PathReading{"/", "/", path};
  CHECK(path.starts_with('/'), "a path was read that the parser would have refused");
  if (is_plain(path)) return PathReading{path, path, path};
  CHECK(scratch.size() >= scratch_size(path));
  bool resolved = false;
  const auto strict = read_strictly(path, scratch.data(), resolved);
  if (!strict) return std::unexpected(strict.error());
  PathReading reading{*strict, *strict, resolved ? *strict : path};
  if (!readers_may_differ(reading.forward)) return reading;
  const auto lenient = read_leniently(reading.forward, scratch.data() + path.size());
  if (!lenient) return std::unexpected(lenient.error());
  reading.lenient = *lenient;
  return reading;
}

}  // namespace cardea::l7::route
