// Rows of `services`: what clients connect to.
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

Form<Forward> forward_words() {
  return word<Forward>(
      {{"fullnat", Forward::kFullnat,
        "both addresses are rewritten: backends see this host and need no set-up; answers come back through it"},
       {"ipip", Forward::kIpip,
        "packets are tunnelled unchanged: backends see the client, need a tunnel interface with the service's address, "
        "and "
        "answer the client directly"}});
}

}  // namespace

const Section& service_section() {
  static const Section section = section_of<Service>(
      "service", "name",
      {
          value("name", &Service::name, name(64),
                {.prose = "The service's name, used by commands and metrics.",
                 .example = "name = \"dns\";",
                 .required = true}),
          value("mode", &Service::mode,
                word<Mode>({{"l4", Mode::kL4, "connections are forwarded packet by packet, without looking inside"}}),
                {.prose = "On which layer the service works."}),
          value("listen", &Service::listen, listen(),
                {.prose = "Addresses, ports and protocols clients connect to.",
                 .example = "listen = [\"203.0.113.53:53/udp\", \"[2001:db8::53]:53/udp\"];",
                 .required = true,
                 .count_max = 256}),
          value("forward", &Service::forward, forward_words(), {.prose = "How packets reach the backend."}),
          value("pool", &Service::pool, name(64),
                {.prose = "The pool the service's connections go to.", .example = "pool = \"dns\";", .required = true}),
      });
  return section;
}

}  // namespace cardea::conf
