// Any bytes as a backend's connection that speaks HTTP/2, through a whole shard: whatever they are, whoever asked is
// answered or cut off, and nothing is left of either connection when both have gone. First byte: size of the pieces; bit 7:
// its SETTINGS are not given first; bit 6: everybody is waited for in the end.
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
    plan.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
    plan.pools[0]->response_header_bytes_max = 2048;
    plan.pools[0]->retries = 0;
  });
  return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t piece = 1 + (data[0] & 0x3f) * 16;
  Site& at = site();
  {
    Peer client = at.client();
    client.send(proxy::test::get("/", "TE: trailers\r\n"));
    Peer backend = at.origin().accept();
    if (!(data[0] & 0x80)) backend.send(http2::test::frame(http2::test::kSettings, 0, 0));
    fuzz::pour(at, backend, bytes, piece);
    at.advance(std::chrono::seconds(data[0] & 0x40 ? 70 : 0));
    client.what_came();
    backend.abort();
    client.abort();
  }
  fuzz::check_nothing_left(at);
  return 0;
}
