// Rows of `services[].tls` and `services[].routes`: certificates, and which request goes to which pool.
#include <fmt/format.h>

#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

const Section& certificate_section() {
  static const Section section = section_of<Certificate>(
      "certificate", "cert",
      {
          value("cert", &Certificate::cert, file_path("/etc/cardea/tls/shop.example.crt"),
                {.prose = "PEM file with the certificate, followed by those between it and its root.",
                 .example = "cert = \"/etc/cardea/shop.crt\";",
                 .required = true}),
          value("key", &Certificate::key, file_path("/etc/cardea/tls/shop.example.key"),
                {.prose = "PEM file with its private key, not encrypted; only cardea-l7 has to be able to read it.",
                 .example = "key = \"/etc/cardea/shop.key\";",
                 .required = true}),
      });
  return section;
}

const Section& match_section() {
  static const Section section = section_of<Match>(
      "match", "",
      {
          value("host", &Match::hosts, host_pattern(),
                {.prose = "Hosts the route is for: exact names win over wildcards, longer wildcards over shorter ones.",
                 .example = "host = [\"shop.com\", \"*.shop.com\"];",
                 .unset = "any host"}),
          value(
              "path", &Match::path, url_path(),
              {.prose = "Beginning of the path, up to a '/': \"/api\" is for /api and what is below it, \"/api/\" only "
                        "for what is below it; of several the longest wins.",
               .example = "path = \"/api/\";"}),
      });
  return section;
}

// A route without a name is known by what it is for: "shop.com/api/".
Section with_nickname(Section section) {
  section.nickname = [](const void* owner) {
    const Match& match = static_cast<const Route*>(owner)->match;
    const std::string hosts = match.hosts.empty() ? "*" : fmt::format("{}", fmt::join(match.hosts, ","));
    return hosts + match.path;
  };
  return section;
}

}  // namespace

const Section& tls_section() {
  static const Section section = section_of<Tls>(
      "tls", "",
      {
          list("certificates", &Tls::certificates, certificate_section(),
               {.prose = "Certificates of the service, chosen by the name the client asks for; the first answers names "
                         "that none of them has. Files that changed are read again by `cardea reload`.",
                .required = true,
                .count_max = 10'000}),
          value("version_min", &Tls::version_min,
                word<TlsVersion>({{"1.2", TlsVersion::k12, "TLS 1.2 and 1.3"},
                                  {"1.3", TlsVersion::k13, "TLS 1.3 only; clients from before 2018 are left out"}}),
                {.prose = "Oldest version of TLS that is spoken."}),
      });
  return section;
}

const Section& route_section() {
  static const Section section = with_nickname(section_of<Route>(
      "route", "name",
      {
          value("name", &Route::name, name(64),
                {.prose = "The route's name, used by commands, logs and metrics.",
                 .example = "name = \"api\";",
                 .unset = "the service's name and the route's number, such as \"shop[0]\""}),
          group("match", &Route::match, match_section(), {.prose = "Which requests the route is for."}),
          value("pool", &Route::pool, name(64),
                {.prose = "The pool these requests go to.", .example = "pool = \"api\";", .required = true}),
          value("cache", &Route::cache, name(64),
                {.prose = "The cache that may keep and give the answers, as far as they allow it.",
                 .example = "cache = \"edge\";",
                 .unset = "nothing is cached"}),
      }));
  return section;
}

}  // namespace cardea::conf
