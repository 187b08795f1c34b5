// Rows of policies that say who may ask, and how often.
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

const char* const kHowBytesAreCounted =
    "Bytes are counted as they go, to the exact number: while a key has had less than it may, a request of it goes on to its "
    "end, however long that is, and what it had too much it owes. Who owes is answered with 429 and told when that is over, "
    "and logged as bytes_limited. Beside it `concurrent` bounds how much can be begun at once.";
const char* const kHowConnectionsAreCounted =
    "Where a service's limit goes by the client's address it is asked as a connection comes, before its TLS: one too many is "
    "closed at once, and counted (cardea_l7_rate_limit_connections_refused_total). Connections of peers in trusted_proxies are nobody's and are not counted; "
    "whom the PROXY protocol names is. By other keys a connection counts with its first "
    "request of a key: one too many is answered with 429 and logged as connections_limited. Of one connection 8 keys are "
    "remembered.";
const char* const kHowClientsAreBlocked =
    "Only who is connected itself is blocked, of IPv6 with its /64: an address that stands in a header or in the PROXY protocol is "
    "what somebody says. Whom dataplane.blocks.never exempts, backends, this host and peers in trusted_proxies never are. cardea-l7 "
    "tells cardea-mgmt once a second, which remembers who is blocked until when, over restarts of each of the processes; the dataplane "
    "ends a block by itself. `cardea show limits` lists them, `cardea unblock` ends one. Without a dataplane, and where a port's `kernel` "
    "is \"interface\" for services of the kernel's TCP, nothing is dropped. Whoever shares an address with a client is blocked with it.";

}  // namespace

using namespace std::chrono_literals;

const Section& rate_limit_section() {
  using settings::RateLimitT;
  static const Section section = section_of<RateLimitT>(
      "rate_limit", "name",
      {
          value("name", &RateLimitT::name, name(64),
                {.prose = "The limit's name, used by services, routes, logs and metrics.",
                 .example = "name = \"login\";",
                 .required = true}),
          value("key", &RateLimitT::key, variables_text(Moment::kRequest),
                {.prose = "What is counted by itself: text with variables, those of request_headers. Of an IPv6 address "
                          "that is one of them its /64 counts. Requests for which it comes out empty are not limited.",
                 .example = "key = \"${header:X-Api-Key}\";",
                 .unset = "the client's address, of IPv6 its /64"}),
          value("requests", &RateLimitT::requests, number<uint32_t>(0, 1'000'000'000),
                {.prose = "How many requests of a key there may be in `period`, exactly and over all shards: each "
                          "request that is allowed makes room for the next one after its share of the time. 0: any number.",
                 .example = "requests = 300;"}),
          value("period", &RateLimitT::period_ms, number_of_ms(1ms, 24h),
                {.prose = "The time that `requests`, `connections` and bytes are for.", .example = "period = \"1m\";"}),
          value("burst", &RateLimitT::burst, number<uint32_t>(0, 1'000'000'000),
                {.prose = "How many requests, and how many connections, may come at once after a pause; 0: as many as in a period.",
                 .example = "burst = 20;"}),
          value("request_bytes", &RateLimitT::request_bytes, size(0, uint64_t{1} << 50),
                {.prose = "How many bytes requests of a key may have in `period`, heads and bodies as the access log counts them, "
                          "over all shards. 0: any number.",
                 .example = "request_bytes = \"100MiB\";",
                 .details = kHowBytesAreCounted}),
          value("response_bytes", &RateLimitT::response_bytes, size(0, uint64_t{1} << 50),
                {.prose = "The same of what requests of a key are answered, tunnels with them.",
                 .example = "response_bytes = \"1GiB\";"}),
          value("bytes_burst", &RateLimitT::bytes_burst, size(0, uint64_t{1} << 50),
                {.prose = "How many bytes of either kind may go at once after a pause; 0: as many as in a period.",
                 .example = "bytes_burst = \"20MiB\";"}),
          value("connections", &RateLimitT::connections, number<uint32_t>(0, 1'000'000'000),
                {.prose = "How many new connections of a key there may be in `period`, over all shards. 0: any number.",
                 .example = "connections = 60;",
                 .details = kHowConnectionsAreCounted}),
          value("keys", &RateLimitT::keys_max, number<uint32_t>(1000, 100'000'000),
                {.prose = "How many keys are known at a time, of 20 bytes each for each of requests, connections, and bytes of "
                          "either kind that are limited, and for block_for. One that has its whole burst left is "
                          "forgotten; none is that has not, so whoever is over the limit stays there. Where there is no "
                          "room further keys share one rate, a few with each other, and their requests are counted "
                          "(cardea_l7_rate_limit_unknown_total)."}),
          value("concurrent", &RateLimitT::concurrent, number<uint32_t>(0, 1'000'000'000),
                {.prose = "How many requests of a key may be under way at once, over all shards, from where they are let through "
                          "until their answer's end, or their tunnel's; more are answered with 429, and logged as "
                          "too_many_at_once. 0: any number. How many connections an address may have open is "
                          "source_connections_max.",
                 .example = "concurrent = 20;"}),
          value("block_for", &RateLimitT::block_ms, number_of_ms(0ms, 24h),
                {.prose = "How long the dataplane drops all that comes from a client that goes on while it is refused, so that it costs "
                          "no TCP; \"0ms\": it never does. For limits by the client's address.",
                 .example = "block_for = \"10m\";",
                 .details = kHowClientsAreBlocked}),
          value("block_after", &RateLimitT::block_after, number<uint32_t>(1, 1'000'000'000),
                {.prose = "How many refusals of a client in `period` are answered before.", .example = "block_after = 50;"}),
          value("headers", &RateLimitT::headers, boolean(),
                {.prose = "Whether clients are told: RateLimit-Policy with the limit, RateLimit with what is left and the seconds "
                          "until all of it is (draft-ietf-httpapi-ratelimit-headers), in answers of every kind.",
                 .example = "headers = true;"}),
      });
  return section;
}

const Section& access_section() {
  using settings::AccessT;
  static const Section section = section_of<AccessT>(
      "access", "",
      {
          value("allow", &AccessT::allow, network(),
                {.prose = "Networks whose clients may ask; others may not.",
                 .example = "allow = [\"192.0.2.0/24\", \"2001:db8::/32\"];",
                 .count_max = 4096,
                 .unset = "everybody, but for what is denied"}),
          value("deny", &AccessT::deny, network(),
                {.prose = "Networks whose clients may not ask, allowed or not.", .count_max = 4096, .unset = "none"}),
          value("allow_files", &AccessT::allow_files, file_path("/etc/cardea/office.txt"),
                {.prose = "Files of more networks to allow: one or an address a line, '#' before comments. They are read by "
                          "cardea-l7 at each reload, and may have a million lines.",
                 .example = "allow_files = [\"/etc/cardea/office.txt\"];",
                 .count_max = 64,
                 .unset = "none"}),
          value("deny_files", &AccessT::deny_files, file_path("/etc/cardea/blocked.txt"),
                {.prose = "The same of networks to deny.", .count_max = 64, .unset = "none"}),
          value("allow_countries", &AccessT::allow_countries, country(),
                {.prose = "Countries whose clients may ask, as l7.geo knows them; others may not, but for those of networks and "
                          "systems that are allowed.",
                 .example = "allow_countries = [\"DE\", \"AT\", \"CH\"];",
                 .count_max = 256,
                 .unset = "no country is looked at"}),
          value("deny_countries", &AccessT::deny_countries, country(),
                {.prose = "Countries whose clients may not ask.", .count_max = 256, .unset = "none"}),
          value("allow_as_numbers", &AccessT::allow_as_numbers, number<uint32_t>(1, 4'294'967'295),
                {.prose = "Autonomous systems whose clients may ask, as l7.geo knows them, likewise.", .count_max = 4096,
                 .unset = "no system is looked at"}),
          value("deny_as_numbers", &AccessT::deny_as_numbers, number<uint32_t>(1, 4'294'967'295),
                {.prose = "Autonomous systems whose clients may not ask: those of hosters, say, where no customer is.",
                 .example = "deny_as_numbers = [64500, 64501];",
                 .count_max = 4096,
                 .unset = "none"}),
          value("deny_ja4", &AccessT::deny_ja4, ja4_pattern(),
                {.prose = "Kinds of clients that may not ask, by the JA4 fingerprint of their TLS, which the access log has as tls_ja4: "
                          "all of it, or its beginning and \"*\". A client can take another's likeness, and all of a kind have "
                          "one; who speaks no TLS has none.",
                 .example = "deny_ja4 = [\"t13d1516h2_8daaf6152771_d8a2da3f94cd\", \"t12i*\"];",
                 .count_max = 256,
                 .unset = "none"}),
      });
  return section;
}

const Section& cors_section() {
  using settings::CorsT;
  static const Section section = section_of<CorsT>(
      "cors", "",
      {
          value("origins", &CorsT::origins, origin(),
                {.prose = "Sites whose pages may ask; \"https://*.example\" stands for all below it, \"*\" for any, which "
                          "cannot be had with credentials.",
                 .example = "origins = [\"https://app.example\"];",
                 .required = true,
                 .count_max = 256}),
          value("methods", &CorsT::methods, method(),
                {.prose = "Methods that they may use beside GET, HEAD and POST.",
                 .example = "methods = [\"PUT\", \"DELETE\"];",
                 .count_max = 32,
                 .unset = "none"}),
          value("headers", &CorsT::headers, token(128),
                {.prose = "Headers that they may send beside the few that any page may; \"*\": whichever they ask for.",
                 .example = "headers = [\"Content-Type\", \"Authorization\"];",
                 .count_max = 64,
                 .unset = "none"}),
          value("expose", &CorsT::expose, token(128),
                {.prose = "Headers of responses that they may read beside the few that any page may.",
                 .count_max = 64,
                 .unset = "none"}),
          value("credentials", &CorsT::credentials, boolean(),
                {.prose = "Whether cookies and other credentials may go along."}),
          value("max_age", &CorsT::max_age_ms, number_of_ms(0ms, 24h),
                {.prose = "How long a browser may remember what it was told."}),
      });
  return section;
}

const Section& basic_auth_section() {
  using settings::BasicAuthT;
  static const Section section = section_of<BasicAuthT>(
      "basic_auth", "",
      {
          value("users", &BasicAuthT::users, file_path("/etc/cardea/users"),
                {.prose = "File of NAME:HASH lines, as `htpasswd -B` or `mkpasswd -m yescrypt` write them: bcrypt, yescrypt, "
                          "scrypt and SHA-crypt are known, MD5 and its kin are refused. It is read by cardea-l7 at each "
                          "reload, and nobody but its user should be able to.",
                 .example = "users = \"/etc/cardea/users\";",
                 .required = true}),
          value("realm", &BasicAuthT::realm, header_text(128),
                {.prose = "What a browser shows when it asks for the password.",
                 .example = "realm = \"staff\";",
                 .unset = "the service's name"}),
          value("forward", &BasicAuthT::forward, boolean(), {.prose = "Whether backends see the credentials too."}),
      });
  return section;
}

}  // namespace cardea::conf
