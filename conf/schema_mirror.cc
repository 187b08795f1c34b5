// Rows of the policy by which a second pool gets copies of requests.
#include "conf/schema_sections.h"

namespace cardea::conf {

using settings::MirrorT;

const char* how_requests_are_copied() {
  return "A copy is the request as it goes to the route's own pool, with the same rewriting, headers and id, and with the retries, "
         "balance, TLS, health and limits of the pool it goes to. It is made of what a backend is asked for: what is refused, redirected, "
         "or answered by the cache has none. The client's own request waits for nothing but the body, which is read whole before either "
         "goes on; of a request without one nothing is held up. Left out, and counted as skipped, are bodies over body_max, messages of "
         "gRPC, WebSockets, and whatever comes while under_way_max copies are under way, or half of l7.buffers are in use: copies never "
         "take what requests need. A stream of another kind that goes both ways at once, whose client waits for an answer before it sends on, is "
         "no case for copies: its body is waited for like any other. Of an answer the first 64 KiB are read, for ten seconds behind its "
         "head at most, so that connections to the pool stay; nothing of it goes anywhere, and no failure there is seen by a client. A copy "
         "carries the client's own conditions (If-None-Match and their like) also where a cache asks the route's pool for all of it, and neither trailers, "
         "nor what the variables tls_client_* stand for, nor the PROXY protocol's fields of TLS. Copies that are under way when the process ends are given up. "
         "Whether a second POST does harm, the pool's owner has to know: nothing marks a copy.";
}

const Section& mirror_section() {
  static const Section section = section_of<MirrorT>(
      "mirror", "",
      {
          value("enabled", &MirrorT::enabled, boolean(),
                {.prose = "Whether there are copies: false takes a route out of what its service does.", .example = "enabled = false;"}),
          value("pool", &MirrorT::pool, name(64), {.prose = "The pool that gets them.", .example = "pool = \"next\";", .unset = "none"}),
          value("sample", &MirrorT::sample, number<uint32_t>(0, 100),
                {.prose = "How many of a hundred requests are copied, by chance.", .example = "sample = 10;"}),
          value("body_max", &MirrorT::body_max, size(0, 16 << 20),
                {.prose = "Of a request that is copied; its body is held as it came, and once more for the copy.", .example = "body_max = \"1MiB\";"}),
          value("under_way_max", &MirrorT::under_way_max, number<uint32_t>(1, 100'000),
                {.prose = "How many copies to that pool there may be at a time on the host, of all routes: a pool that does not answer costs no more.",
                 .example = "under_way_max = 1000;"}),
      });
  return section;
}

}  // namespace cardea::conf
