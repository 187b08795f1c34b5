// Rows of `services[].tls` and `services[].routes`: certificates, and which request goes to which pool.
#include <fmt/format.h>

#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

const Section& condition_section() {
  static const Section section = section_of<Condition>(
      "condition", "name",
      {
          value("name", &Condition::name, token(128),
                {.prose = "What it is called: a header in any case, a parameter or cookie as it is written.",
                 .example = "name = \"X-Beta\";",
                 .required = true}),
          value("exact", &Condition::exact, header_text(1024),
                {.prose = "The whole value. Without this and the next three it is enough that it is there.",
                 .example = "exact = \"1\";"}),
          value("prefix", &Condition::prefix, header_text(1024),
                {.prose = "What the value begins with.", .example = "prefix = \"v2\";"}),
          value("regex", &Condition::regex, pattern(),
                {.prose = "A regular expression for the whole value.", .example = "regex = \"v[0-9]+\";"}),
          value("absent", &Condition::absent, boolean(), {.prose = "That it is not there."}),
      });
  return section;
}

const char* const kOrder =
    "Of the routes that fit a request the one with the more specific host wins (exact, then the longer wildcard, then "
    "any), of those an exact path, then a regular expression, the first in the file, then the longest prefix, of those "
    "the one with more conditions, and then the first in the file. What fits neither in host, path nor conditions is "
    "passed over. Values are compared byte by byte as the client wrote them, with their percent-encodings; of a "
    "header, "
    "parameter or cookie that comes several times one has to fit. Paths are compared when their dot segments are "
    "resolved. Regular expressions are RE2's, and stand for the whole path or value.";

const char* const kMethods =
    "Methods, of which the request has one; HEAD is one of its own. A write by another route than the reads does not "
    "make the cache forget what these stored, unless both name the same pool and cache.";

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
               .example = "path = \"/api/\";",
               .details = kOrder, .only = for_http()}),
          value("path_exact", &Match::path_exact, url_path(),
                {.prose = "The whole path, in place of its beginning.",
                 .example = "path_exact = \"/login\";",
                 .unset = "the beginning counts", .only = for_http()}),
          value("path_regex", &Match::path_regex, pattern(),
                {.prose = "A regular expression for the whole path, in place of its beginning.",
                 .example = "path_regex = \"/v[0-9]+/items(/.*)?\";",
                 .unset = "the beginning counts", .only = for_http()}),
          value(
              "method", &Match::methods, method(),
              {.prose = kMethods,
               .example = "method = [\"GET\", \"HEAD\"];",
               .count_max = 64,
               .unset = "any method", .only = for_http()}),
          list("headers", &Match::headers, condition_section(),
               {.prose = "What the request's headers have to be; all of them.", .count_max = 32, .only = for_http()}),
          list("query", &Match::query, condition_section(),
               {.prose = "What the parameters of its query have to be; all of them.", .count_max = 32, .only = for_http()}),
          list("cookies", &Match::cookies, condition_section(),
               {.prose = "What its cookies have to be; all of them.", .count_max = 32, .only = for_http()}),
          value("client", &Match::clients, prefix(),
                {.prose = "Networks, of which the client's address is in one.",
                 .example = "client = [\"10.0.0.0/8\", \"2001:db8::/32\"];",
                 .count_max = 256,
                 .unset = "any client"}),
          value("alpn", &Match::alpn, header_text(255),
                {.prose = "Of a tcp service: protocols (ALPN), of which the client offers one.",
                 .example = "alpn = [\"h2\"];",
                 .count_max = 64,
                 .unset = "any protocol", .only = for_tcp()}),
      });
  return section;
}

const Section& share_section() {
  static const Section section = section_of<Share>(
      "share", "pool",
      {
          value("pool", &Share::pool, name(64),
                {.prose = "The pool.", .example = "pool = \"canary\";", .required = true}),
          value("weight", &Share::weight, number<uint32_t>(0, 1'000'000),
                {.prose = "Its share, as a proportion to the others' weights; 0: nothing.", .example = "weight = 10;"}),
      });
  return section;
}

const Section& rewrite_section() {
  static const Section section = section_of<Rewrite>(
      "rewrite", "",
      {
          value("prefix", &Rewrite::prefix, target_path(),
                {.prose = "What stands in the path in place of what the route's path matched: with path \"/shop/\" and "
                          "prefix \"/\", /shop/a is sent as /a.",
                 .example = "prefix = \"/\";",
                 .unset = "the path is sent as it came"}),
          value("path", &Rewrite::path, made_path(),
                {.prose = "What stands in place of the whole path, and of the query where it has one: \"${path:1}\" is what the first "
                          "group of path_regex matched, \"${path:shop}\" its group (?P<shop>...). Not beside \"prefix\".",
                 .example = "path = \"/item.php?id=${path:1}\";",
                 .unset = "the path is sent as it came",
                 .details = how_paths_are_made()}),
          value("host", &Rewrite::host, host_name(),
                {.prose = "Host that backends are asked for, and that their certificates are verified for where the "
                          "pool's tls names none; the client's is in X-Forwarded-Host.",
                 .example = "host = \"origin.internal\";",
                 .unset = "the client's"}),
      });
  return section;
}

// A route without a name is known by what it is for: "shop.com/api/".
Section with_nickname(Section section) {
  section.nickname = [](const void* owner) {
    const Match& match = static_cast<const Route*>(owner)->match;
    const std::string hosts = match.hosts.empty() ? "*" : fmt::format("{}", fmt::join(match.hosts, ","));
    return hosts + (!match.path_exact.empty()   ? match.path_exact
                    : !match.path_regex.empty() ? match.path_regex
                                                : match.path);
  };
  return section;
}

const Section& client_auth_section() {
  static const Section section = section_of<ClientAuth>(
      "client_auth", "",
      {
          value("authorities", &ClientAuth::authorities, file_path("/etc/cardea/clients-ca.pem"),
                {.prose = "PEM file with the authorities that clients' certificates have to come from. It is read at each "
                          "reload.",
                 .example = "authorities = \"/etc/cardea/clients-ca.pem\";",
                 .required = true}),
          value("revocations", &ClientAuth::revocations, file_path("/etc/cardea/clients.crl"),
                {.prose = "PEM file with the lists of revoked certificates of these authorities; without a list that is in "
                          "force an authority's clients are refused. It is read at each reload, and a session is not resumed after it changed.",
                 .example = "revocations = \"/etc/cardea/clients.crl\";",
                 .unset = "nobody's certificate is looked for in lists"}),
          value("mode", &ClientAuth::mode,
                word<ClientCertificates>(
                    {{"required", ClientCertificates::kRequired, "who shows none is refused in the handshake"},
                     {"optional", ClientCertificates::kOptional,
                      "who shows none is served, and backends can tell by the empty variables; who shows a bad one is refused"}}),
                {.prose = "Whether they need one."}),
      });
  return section;
}

}  // namespace

namespace {

const char* const kOcspProse =
    "Certificates of services: what clients that ask for it are told of whether the certificate was revoked (OCSP stapling). "
    "\"fetch\": cardea-l7 asks the responder that the certificate names, over plain HTTP, and again when half of its answer's time "
    "is over; answers are kept in `STATE/ocsp`. A path: a file with an answer in DER, looked at every five seconds, such as `openssl "
    "ocsp -respout` writes. Only what the certificate's issuer, or whom it appointed, signed of this certificate, \"good\" and of now, is "
    "stapled, until it ends, also while the responder is away. The issuer's certificate has to follow in the file that `cert` names. "
    "`cardea show certs` and cardea_l7_certificate_stapled_until_seconds tell until when; `cardea check` and `status` warn of a "
    "certificate that must be stapled (RFC 7633) and is not.";

}  // namespace

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
          value("ocsp", &Certificate::ocsp, ocsp_source(),
                {.prose = kOcspProse, .example = "ocsp = \"fetch\";", .unset = "nothing is stapled"}),
      });
  return section;
}

const Section& tls_section() {
  static const Section section = section_of<Tls>(
      "tls", "",
      {
          list("certificates", &Tls::certificates, certificate_section(),
               {.prose = "Certificates of the service, chosen by the name the client asks for; the first answers names "
                         "that none of them has. Files that change are read again within seconds; those that do not "
                         "fit each other leave the certificate that was read before.",
                .required = true,
                .count_max = 10'000}),
          value("version_min", &Tls::version_min,
                word<TlsVersion>({{"1.2", TlsVersion::k12, "TLS 1.2 and 1.3"},
                                  {"1.3", TlsVersion::k13, "TLS 1.3 only; clients from before 2018 are left out"}}),
                {.prose = "Oldest version of TLS that is spoken."}),
          group("client_auth", &Tls::client_auth, client_auth_section(),
                {.prose = "Clients are asked for a certificate of their own (mutual TLS). What it says can be told to backends: "
                          "variables tls_client_subject, tls_client_issuer, tls_client_serial and tls_client_fingerprint."}),
      });
  return section;
}

const Section& route_section() {
  static const Section section = with_nickname(section_of<Route>(
      "route", "name",
      with_policies<Route>({
          value("name", &Route::name, name(64),
                {.prose = "The route's name, used by commands, logs and metrics.",
                 .example = "name = \"api\";",
                 .unset = "the service's name and the route's number, such as \"shop[0]\""}),
          group("match", &Route::match, match_section(), {.prose = "Which requests the route is for."}),
          value("pool", &Route::pool, name(64),
                {.prose = "The pool these requests go to; a route has this, or split, redirect, respond or files.",
                 .example = "pool = \"api\";",
                 .unset = "one of the others is there"}),
          list("split", &Route::split, share_section(),
               {.prose = "Pools among which these requests are divided by weight. A pool without a backend that serves "
                         "keeps its share, which is answered with 503; tries again stay in their pool.",
                .count_max = 32}),
          value(
              "split_by", &Route::split_by,
              word<SplitBy>({{"request", SplitBy::kRequest, "each request by itself, at random"},
                             {"client", SplitBy::kClient,
                              "the client's address, of IPv6 its /64: one client gets the same pool each time, in "
                              "every route with the same shares and on every node with the same seed, and keeps it as "
                              "long as the weights stay"}}),
              {.prose = "What decides on a request's share."}),
          group("redirect", &Route::redirect, redirect_section(),
                {.prose = "The client is sent elsewhere, without asking a backend.", .only = for_http()}),
          group("respond", &Route::respond, respond_section(),
                {.prose = "The client is answered with what stands here, without asking a backend.", .only = for_http()}),
          group("files", &Route::files, files_section(),
                {.prose = "The client is sent a file of this host, without asking a backend: by GET and HEAD, ranges and "
                          "conditional requests too. Types are those of /etc/mime.types.", .only = for_http()}),
          group(
              "rewrite", &Route::rewrite, rewrite_section(),
              {.prose = "What backends see in place of what the client asked for. The log, the cache and purges go by "
                        "what the client asked for; what a backend says of itself, as in Location, is not rewritten.", .only = for_http()}),
          value("cache", &Route::cache, name(64),
                {.prose = "The cache that may keep and give the answers, as far as they allow it. An answer is kept "
                          "for requests that its backend cannot tell apart but by clients' headers that Vary does not "
                          "name: another pool or rewrite, other request_headers and other values of their variables "
                          "(but request_id and client_port), another host or port that trusted_proxies tell of each "
                          "have their own; a URL has sixteen such answers at most. Where a client showed who it is "
                          "(Authorization, basic_auth, api_keys, jwt, a certificate that client_auth asks for) an "
                          "answer is kept, and one that is kept given, only where it says that others may have it: "
                          "public, s-maxage or must-revalidate (RFC 9111 3.5). A certificate does not count so where "
                          "all clients of the service have to have one and none of request_headers tells backends of "
                          "it.",
                 .example = "cache = \"edge\";",
                 .unset = "nothing is cached", .only = for_http()}),
      })));
  return section;
}

}  // namespace cardea::conf
