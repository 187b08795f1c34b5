// Rows of the policy by which a request's body is waited for before a backend has to do with it.
#include "conf/schema_sections.h"

namespace cardea::conf {

using settings::RequestBufferingT;

const char* how_requests_are_buffered() {
  return "Without it a body goes on as it comes: a client on a slow line holds a connection of its backend, and one of what "
         "connections_max allows, for as long as it sends. With it the backend is chosen when the last byte is here, gets the "
         "request at once, and the times that are kept of its answers are its own. Bodies are held in l7.buffers as they came. What is "
         "larger than `bytes`, messages of gRPC, WebSockets, and whatever comes while half of l7.buffers are in use go on as they come, and are "
         "counted as unbuffered (cardea_l7_service_bodies_unbuffered_total). A client that waits for it is told to go on (100 Continue), "
         "request_timeout, body_timeout and rate_min are kept as otherwise, and what the cache answers waits for nothing.";
}

const Section& request_buffering_section() {
  static const Section section = section_of<RequestBufferingT>(
      "request_buffering", "",
      {
          value("enabled", &RequestBufferingT::enabled, boolean(),
                {.prose = "Whether bodies are waited for: false takes a route out of what its service does.",
                 .example = "enabled = false;"}),
          value("bytes", &RequestBufferingT::bytes, size(1, 64 << 20),
                {.prose = "Of a body that is waited for; with more of it the request goes on as it comes.",
                 .example = "bytes = \"1MiB\";"}),
      });
  return section;
}

}  // namespace cardea::conf
