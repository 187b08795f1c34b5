// Rows of `l7` and `caches`: the shards that serve tcp and http services, their log, and memory for cached answers.
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMiB = 1 << 20, kGiB = 1 << 30;

}  // namespace

Form<Transport> transport_words() {
  return word<Transport>(
      {{"kernel", Transport::kKernel, "Linux' own TCP, on any host"},
       {"userspace", Transport::kUserspace,
        "TCP of our own behind the dataplane: packets come from it to the shards without the kernel"}});
}

const Section& geo_section() {
  static const Section section = section_of<Geo>(
      "geo", "",
      {
          value("countries", &Geo::countries, file_path("/var/lib/GeoIP/GeoLite2-Country.mmdb"),
                {.prose = "The database that knows countries: MaxMind's, DB-IP's and IPinfo's have them, of cities too.",
                 .example = "countries = \"/var/lib/GeoIP/GeoLite2-Country.mmdb\";",
                 .unset = "none is known"}),
          value("as_numbers", &Geo::as_numbers, file_path("/var/lib/GeoIP/GeoLite2-ASN.mmdb"),
                {.prose = "The database that knows autonomous systems.",
                 .example = "as_numbers = \"/var/lib/GeoIP/GeoLite2-ASN.mmdb\";",
                 .unset = "none is known"}),
      });
  return section;
}

const Section& l7_section() {
  static const Section section = section_of<L7>(
      "l7", "",
      {
          value("shards", &L7::shards, number<uint16_t>(0, 1023),
                {.prose = "CPU numbers the shards run on, one shard each; a busy site keeps them apart from the "
                          "dataplane's workers.",
                 .example = "shards = [4, 5];",
                 .required = true,
                 .restart = restart_of("l7.shards"),
                 .count_max = 64}),
          value("transport", &L7::transport, transport_words(),
                {.prose = "Which TCP the shards speak, to clients of services that do not say it themselves and to "
                          "backends. Addresses that are not behind one of the dataplane's ports are always the "
                          "kernel's.",
                 .example = "transport = \"userspace\";"}),
          value(
              "access_log", &L7::access_log, log_path(),
              {.prose = "Where each exchange is logged, as one line of JSON: the access log \"access_log\". After a rotation `systemctl kill -s USR1 "
                        "cardea-l7` opens it anew.",
               .example = "access_log = \"/var/log/cardea/access.log\";",
               .unset = "there is no access log"}),
          list("access_logs", &L7::access_logs, access_log_section(),
               {.prose = "Further access logs, each with a form, a target and a choice of its own.", .count_max = 15}),
          value("access_log_ring", &L7::access_log_ring, size(64 << 10, kGiB),
                {.prose = "How many bytes of lines each shard may be ahead of the log's writer; lines that do not fit "
                          "are dropped and counted, so that a slow disk never holds up a shard.",
                 .restart = restart_of("l7.access_log_ring")}),
          value("buffers", &L7::buffers, size(kMiB, 1024 * kGiB),
                {.prose = "Memory that heads and bodies on their way through may use, over all shards, TLS records and "
                          "heads of HTTP/2 that are not whole yet among them; beyond it new exchanges are refused, and "
                          "what is under way waits. `cardea_l7_buffer_bytes` tells how much is in use."}),
          value("compression", &L7::compression, size(kMiB, 1024 * kGiB),
                {.prose = "Memory that compressors of answers may take, over all shards, those that are kept for the next "
                          "answer among them: 264 KiB for one of gzip, about 1.5 MiB of br and 1.8 MiB of zstd at their "
                          "usual levels. Beyond it answers go out as they are, and "
                          "`cardea_l7_compressions_refused_total` counts them; `cardea_l7_compression_bytes` tells how "
                          "much is taken."}),
          value("ticket_keys", &L7::ticket_keys, file_path("/etc/cardea/tls/tickets"),
                {.prose = "File with the keys that seal TLS session tickets, so that clients resume on any of several hosts "
                          "that have it: a line of base64 for each key, as `openssl rand -base64 80 | tr -d '\\n'` "
                          "makes them; the first seals, all open, 16 at most. It is read again within seconds when it "
                          "changes: give a new key to all hosts at the end first, and then put it first. Only its owner "
                          "and group may have access to it.",
                 .example = "ticket_keys = \"/etc/cardea/tls/tickets\";",
                 .unset = "each start makes keys of its own, and new ones every eight hours"}),
          group("geo", &L7::geo, geo_section(),
                {.prose = "Where clients are, as databases in MaxMind's format say it (.mmdb): for access (allow_countries, "
                          "deny_as_numbers and their kin), the variables client_country and client_as_number, which rate "
                          "limits may count by, and the access log's fields country and as_number.",
                 .details = "cardea-l7 reads them at each reload into memory of its own, some 10 MB for each, so that a file "
                            "may be replaced at any time: `cardea reload` behind geoipupdate takes the new one up. An address "
                            "that a database does not know, as those of private networks, is in no country and of no system; one of "
                            "6to4 or Teredo is where its IPv4 address is. A reload is refused for a database that cannot be read. At a "
                            "start it is told and done without, unless some access names countries or systems: then the plan is refused."}),
          group("waf", &L7::waf, waf_workers_section(),
                {.prose = "The processes that inspect requests for the services and routes that have `waf`."}),
          value("drain_timeout", &L7::drain_timeout, duration(0ms, 1h),
                {.prose = "How long exchanges and tunnels under way may take to end when cardea-l7 is told to; what is "
                          "left then is cut. Idle connections are closed at once. TimeoutStopSec of "
                          "cardea-l7.service has to be longer."}),
          value("hand_over_timeout", &L7::hand_over_timeout, duration(0ms, 24h),
                {.prose = "The same, when another cardea-l7 has taken its place (`systemctl reload cardea-l7`, by which "
                          "an upgrade is taken up, or other shards): new connections are that one's, idle ones are "
                          "told to go with their next answer, WebSockets and other tunnels go on so long. With "
                          "`transport = \"userspace\"` the next hand-over waits until the process before has ended.",
                 .example = "hand_over_timeout = \"1h\";"}),
      });
  return section;
}

const Section& cache_section() {
  static const Section section = section_of<Cache>(
      "cache", "name",
      {
          value("name", &Cache::name, name(64),
                {.prose = "The cache's name, used by routes, commands and metrics.",
                 .example = "name = \"edge\";",
                 .required = true}),
          value("memory", &Cache::memory, size(kMiB, 1024 * kGiB),
                {.prose = "Memory for what is stored, shared by all shards; what was not asked for longest makes room.",
                 .example = "memory = \"256MB\";",
                 .required = true}),
          value("object_max", &Cache::object_max, size(1 << 10, kGiB),
                {.prose = "Answers with a larger body are not stored."}),
          value("stale_on_error", &Cache::stale_on_error, duration(0ms, 720h),
                {.prose = "How long beyond its lifetime an answer may be served in place of an error, when no backend "
                          "answers or one answers 500, 502, 503 or 504, and the answer itself says nothing about that "
                          "(stale-if-error, must-revalidate, proxy-revalidate, s-maxage and no-cache do). 0s: never.",
                 .example = "stale_on_error = \"5m\";"}),
      });
  return section;
}

}  // namespace cardea::conf
