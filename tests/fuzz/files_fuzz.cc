// What a client says of a file, made of any bytes: a path becomes the name of what lies below a folder or of nothing,
// and Accept-Encoding says at most 1 of a coding. "PATH" in the first line, the header's value in the second.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/files/media_types.h"
#include "l7/files/name.h"
#include "l7/http/accept_encoding.h"
#include "l7/http/byte_set.h"
#include "l7/http/parse_head.h"
#include "l7/route/path.h"

using namespace cardea::l7;

namespace {

// Nothing in it leads up, is hidden, or ends the kernel's reading of it.
void check_name(std::string_view name) {
  CHECK(!name.starts_with('/') && name.find('\0') == name.npos, "a name that leads elsewhere");
  CHECK(name.find("//") == name.npos, "a name with an empty part");
  for (size_t at = 0; at < name.size(); at = name.find('/', at) == name.npos ? name.size() : name.find('/', at) + 1) {
    const bool well_known = at == 0 && (name == ".well-known" || name.starts_with(".well-known/"));
    CHECK(name[at] != '.' || well_known, "a hidden name");
  }
}

void read_name(std::string_view path) {
  if (!path.starts_with('/') || path.size() > 2000 || !http::kPathBytes.holds_all(path)) return;
  std::string scratch(route::scratch_size(path), '\0');
  const auto reading = route::read_path(path, scratch);
  if (!reading) return;
  std::string room(reading->match.size() + 1, 'x');
  if (const auto name = files::name_of(reading->match, {}, room)) check_name(*name);
  for (const size_t split : {size_t{0}, reading->match.size() / 2})
    if (const auto name = files::name_of(reading->match.substr(0, split), reading->match.substr(split), room))
      check_name(*name);
}

void read_wishes(std::string_view value) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: " + std::string(value) + "\r\n\r\n";
  http::HeadScan scan;
  http::RequestHead head;
  if (!http::parse_request_head(text, {}, scan, head).done()) return;
  for (const std::string_view coding : {"br", "zstd", "gzip"})
    CHECK(http::quality(head.headers, coding) <= 1000, "a weight above 1");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  read_name(text.substr(0, line));
  if (line != text.npos) read_wishes(text.substr(line + 1));
  const auto types = files::MediaTypes::parse(text);
  CHECK(!types.of("a.html").empty(), "a file without a type");
  return 0;
}
