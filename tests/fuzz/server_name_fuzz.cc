// The server_name extension made of any bytes: what is read as a name stands in it, and written anew is the extension.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/tls/server_name.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view name = cardea::l7::tls::host_name_of(text);
  if (name.empty()) return 0;
  const auto with_length = [](const std::string& of) {
    return std::string{static_cast<char>(of.size() >> 8), static_cast<char>(of.size())} + of;
  };
  CHECK(with_length('\0' + with_length(std::string(name))) == text, "a name that was not there");
  return 0;
}
