// Any bytes as a client's connection that speaks HTTP/2, through a whole shard: whatever they are, nothing of the
// connection is left when the client has gone. First byte: size of the pieces; bit 7: the preface is not given first.
#include <string>
#include <string_view>

#include "tests/fuzz/whole_shard.h"
#include "tests/unit/l7/http2/raw.h"
#include "tests/unit/l7/proxy/site.h"

using namespace cardea::l7;
using proxy::test::Peer;
using proxy::test::Site;

namespace {

Site& site() {
  static Site one([](image::PlanT& plan) {
    plan.services[0]->http2 = true;
    plan.services[0]->header_bytes_max = 2048;
    plan.pools[0]->backends.clear();  // every call is answered here
  });
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t piece = 1 + (data[0] & 0x7f) * 16;
  Site& at = site();
  {
    Peer client = at.client();
    if (!(data[0] & 0x80)) client.send(http2::test::preface());
    fuzz::pour(at, client, bytes, piece);
    at.advance(std::chrono::seconds(data[0] & 0x40 ? 70 : 0));
    client.what_came();
    client.abort();
  }
  fuzz::check_nothing_left(at);
  return 0;
}
