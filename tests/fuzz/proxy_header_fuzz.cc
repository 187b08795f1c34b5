// The beginning of a connection made of any bytes: a PROXY header is the same however it is cut up, lies within what came,
// and what is read of it, written and read again is what it was.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/proxy_header.h"

using namespace cardea;

namespace {

using State = ProxyReading::State;

bool within(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// The first reading of its beginnings that is more than a wish for more.
void check_beginnings(std::string_view text, const ProxyReading& whole) {
  size_t wanted = 0;
  for (size_t size = 0; size <= text.size(); ++size) {
    ProxyHeader header;
    const ProxyReading part = read_proxy_header(text.substr(0, size), header);
    if (part.state == State::kMore) {
      CHECK(part.size > size, "it waits for what is there");
      wanted = part.size;
      continue;
    }
    CHECK(part.state == whole.state && part.fault == whole.fault && part.size == whole.size, "more bytes change it");
    CHECK(part.state == State::kBad || (wanted <= size && part.size == size), "it waited for more than it has");
    return;
  }
  CHECK(whole.state == State::kMore);
}

void check_again(const ProxyHeader& header, ProxyVersion version) {
  std::array<char, kProxyHeaderMax> room;
  const std::string_view written = write_proxy_header(room, version, header);
  ProxyHeader again;
  const ProxyReading reading = read_proxy_header(written, again);
  CHECK(reading.state == State::kDone && reading.size == written.size(), "what is written is no header");
  CHECK(again.local == header.local);
  if (header.local) return;
  CHECK(again.source == header.source && again.destination == header.destination);
  if (version == ProxyVersion::kV1) return;
  CHECK(again.server_name == header.server_name && again.alpn == header.alpn);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ProxyHeader header;
  const ProxyReading reading = read_proxy_header(text, header);
  if (size <= 512) check_beginnings(text, reading);
  if (reading.state != State::kDone) return 0;
  CHECK(reading.size <= size && within(header.server_name, text) && within(header.alpn, text));
  check_again(header, ProxyVersion::kV1);
  check_again(header, ProxyVersion::kV2);
  return 0;
}
