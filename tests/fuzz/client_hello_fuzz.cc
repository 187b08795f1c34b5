// The beginning of a connection made of any bytes: a ClientHello is the same however it is cut up into segments, and is
// read as a plain reading of all its records together reads it.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/tls/client_hello.h"
#include "l7/tls/ja4.h"
#include "tests/unit/l7/tls/hello_oracle.h"

using namespace cardea::l7::tls;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  HelloScan scan, stepped;
  const HelloState whole = scan_hello(text, scan);
  HelloState state = HelloState::kMore;
  for (size_t at = 0; at <= size && state == HelloState::kMore; ++at) state = scan_hello(text.substr(0, at), stepped);
  CHECK(state == whole, "segments change it");
  CHECK(scan.record <= size && scan.message <= size);
  std::array<char, kHelloMax> room;
  ClientHello hello;
  const bool good = whole == HelloState::kDone && read_hello(text, room, hello);
  const auto plain = test::read_plainly(std::string(text));
  CHECK(good == (plain && whole == HelloState::kDone), "two readings of one hello");
  CHECK(!plain || whole == HelloState::kDone || whole == HelloState::kTooLarge, "a hello that was not seen");
  if (good) CHECK(hello.server_name == plain->name && hello.alpn == plain->alpn);
  CHECK(!good || Ja4::of(hello.message).known(), "a hello without a fingerprint");
  const Ja4 any = Ja4::of(text);
  CHECK(!any.known() || any.text().size() == Ja4::kSize);
  for (const char c : any.text())
    CHECK(c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), "no word");
  return 0;
}
