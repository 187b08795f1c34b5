// Rows of policies: what is done with exchanges beside routing them, of a service and of a route (base/policies.fbs).
#include <fmt/format.h>

#include "conf/policies.h"
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using settings::HeaderEditsT;
using settings::PoliciesT;

std::string variables_prose(Moment moment) {
  std::string text =
      "What stands as \"${variable}\" in a value is put there for each message; \"$${\" is \"${\" itself. A value that "
      "comes out empty is not sent. Variables:";
  for (const VariableWord& word : variable_words(moment)) text += fmt::format(" {} ({}),", word.word, word.meaning);
  text.back() = '.';
  return text;
}

const char* const kHowHeadersAreMerged =
    " A route's are done beside its service's: a name that the route sets or removes is no more set by the service, the "
    "others stay. Names of framing and of the connection (Host, Content-Length, Transfer-Encoding, Connection, Date and "
    "their like) cannot be changed; for Host there is \"rewrite\".";

Section header_section(const char* noun, Moment moment, const char* example) {
  return section_of<HeaderEditsT>(
      noun, "",
      {
          value("set", &HeaderEditsT::set, header_line(moment),
                {.prose = "Headers in place of all there are of their names.",
                 .example = fmt::format("set = [{}];", example),
                 .count_max = 64,
                 .unset = "none"}),
          value("add", &HeaderEditsT::add, header_line(moment),
                {.prose = "Headers beside what there are of their names.", .count_max = 64, .unset = "none"}),
          value("if_absent", &HeaderEditsT::if_absent, header_line(moment),
                {.prose = "Headers where there are none of their names.", .count_max = 64, .unset = "none"}),
          value("remove", &HeaderEditsT::remove, header_name(),
                {.prose = "Names of headers that do not go on.", .count_max = 64, .unset = "none"}),
      });
}

const Section& request_headers() {
  static const Section section =
      header_section("request_headers", Moment::kRequest, "\"X-Client-Port: ${client_port}\"");
  return section;
}

const Section& response_headers() {
  static const Section section = header_section(
      "response_headers", Moment::kResponse, "\"Strict-Transport-Security: max-age=31536000; includeSubDomains\"");
  return section;
}

Form<settings::SecurityHeaders> security_words() {
  using enum settings::SecurityHeaders;
  return word<settings::SecurityHeaders>(
      {{"inherit", inherit, "of a route: those of its service; of a service: none"},
       {"none", none, "none are added"},
       {"basic", basic,
        "X-Content-Type-Options: nosniff, X-Frame-Options: SAMEORIGIN, Referrer-Policy: strict-origin-when-cross-origin; "
        "over TLS Strict-Transport-Security: max-age=31536000"},
       {"strict", strict,
        "as basic with X-Frame-Options: DENY, Referrer-Policy: no-referrer, Cross-Origin-Opener-Policy and "
        "Cross-Origin-Resource-Policy: same-origin, Content-Security-Policy: default-src 'self'; frame-ancestors 'none'; "
        "over TLS Strict-Transport-Security with includeSubDomains"}});
}

Form<settings::Forwarded> forwarded_words() {
  using enum settings::Forwarded;
  return word<settings::Forwarded>({{"inherit", inherit, "of a route: as its service; of a service: off"},
                                    {"off", off, "it is not sent, whatever a client writes"},
                                    {"on", on, "for, host and proto of the client, and the proxy in front where it is another"}});
}

const char* const kHowForwardedIsWritten =
    "X-Forwarded-* and X-Real-IP are told in any case. It is written anew: the client as X-Real-IP, X-Forwarded-Host and "
    "X-Forwarded-Proto tell of it, and behind it a proxy in front that trusted_proxies believe: "
    "`for=192.0.2.7;host=shop.example;proto=https, for=10.0.0.1`. Nothing of what a client wrote in it goes on, which a cache could not tell "
    "apart. An IPv6 address stands in brackets and quotes, as RFC 7239 wants it.";

const Section& error_page_section() {
  using settings::ErrorPageT;
  static const Section section = section_of<ErrorPageT>(
      "error_page", "file",
      {
          value("status", &ErrorPageT::status, number<uint16_t>(400, 599),
                {.prose = "Statuses that it is sent with.", .example = "status = [502, 503, 504];", .required = true}),
          value("file", &ErrorPageT::file, file_path("/srv/www/sorry.html"),
                {.prose = "The page, of at most 64 KiB, which cardea-l7 reads at each reload. \"${status}\" and \"${reason}\" in "
                          "it are replaced by the status and the reason that the access log has.",
                 .example = "file = \"/srv/www/sorry.html\";",
                 .required = true}),
          value("content_type", &ErrorPageT::content_type, header_text(128),
                {.prose = "Its Content-Type.", .unset = "text/html; charset=utf-8"}),
      });
  return section;
}

const Section& trusted_proxies_section() {
  using settings::TrustedProxiesT;
  static const Section section = section_of<TrustedProxiesT>(
      "trusted_proxies", "",
      {
          value("from", &TrustedProxiesT::from, network(),
                {.prose = "Networks of the proxies that are believed, each of a list's hops that is another one included.",
                 .example = "from = [\"10.0.0.0/8\", \"2001:db8:1::/48\"];",
                 .required = true,
                 .count_max = 256}),
          value("header", &TrustedProxiesT::header, header_name(),
                {.prose = "The header in which they say whom a request comes from: addresses, or RFC 7239's Forwarded.",
                 .example = "header = \"CF-Connecting-IP\";",
                 .unset = "X-Forwarded-For"}),
      });
  return section;
}

Form<std::string> encoding() {
  return word<std::string>({{"br", "br", "brotli: the best for text that is small"},
                            {"zstd", "zstd", "the fastest; of browsers the newer take it"},
                            {"gzip", "gzip", "what every client takes"}});
}

std::string types_prose() {
  return fmt::format("Types that are compressed, by what Content-Type says without its parameters; messages of gRPC never. "
                     "Images, films, archives and fonts for the web are compressed already. Left out: {}.",
                     fmt::join(usual_compressed_types(), ", "));
}

const char* const kHowItCompresses =
    "Of what a client takes (Accept-Encoding, with its weights) it gets what it wants most. An answer goes out as it is "
    "where it is compressed already, where it or the request says no-transform, where it is a part (206) or has no body, "
    "where its length is known and below size_min, where its ETag is none that can be made a weak one, and to clients of "
    "HTTP/1.0. What is compressed loses its Content-Length, Accept-Ranges and digests, its ETag becomes a weak one, and it "
    "has the same head for HEAD; Vary: Accept-Encoding stands on every answer that some client gets otherwise, 304 "
    "included. What has come of an answer is sent on when its source pauses for a millisecond, so that event streams "
    "move as they would without. The cache keeps what the backend sent, and each client gets that as it takes it. The "
    "access log's `compression` says what became of an answer: an encoding, or why none. Levels above those that can be "
    "set here cost milliseconds for each piece: files may be compressed that well beforehand (files.precompressed). "
    "Who sees how long an encrypted answer is, and can have a victim's browser ask for it again and again with text of "
    "its own in it, learns byte by byte what else stands there (BREACH): the more alike, the shorter. So nothing is "
    "compressed that is one client's own: what comes with Set-Cookie, or with Cache-Control private or no-store. What "
    "is left to the site: an answer that has both a secret, such as a token against forged requests, and text of the "
    "request should say private, or its route `compress: { enabled = false; }`.";

const Section& compression() {
  using settings::CompressionT;
  static const Section section = section_of<CompressionT>(
      "compress", "",
      {
          value("enabled", &CompressionT::enabled, boolean(),
                {.prose = "Whether anything is compressed: false takes a route out of what its service does.",
                 .example = "enabled = false;"}),
          value("encodings", &CompressionT::encodings, encoding(),
                {.prose = "What is offered; of those that a client wants equally the first is taken.",
                 .example = "encodings = [\"zstd\", \"gzip\"];",
                 .count_max = 3,
                 .unset = fmt::format("{}", fmt::join(usual_encodings(), ", "))}),
          value("types", &CompressionT::types, media_types(),
                {.prose = types_prose(),
                 .example = "types = [\"text/*\", \"application/json\"];",
                 .count_max = 64,
                 .unset = "what is usual"}),
          value("size_min", &CompressionT::size_min, size(0, 1 << 30),
                {.prose = "Smaller bodies go out as they are, where their length is known.",
                 .example = "size_min = \"2KiB\";"}),
          value("private", &CompressionT::private_too, boolean(),
                {.prose = "Whether also answers are compressed that are one client's own (Set-Cookie; Cache-Control "
                          "private or no-store): only where none of them has both a secret and text that a request "
                          "brought.",
                 .example = "private = true;"}),
          value("brotli_level", &CompressionT::brotli_level, number<uint8_t>(1, 6),
                {.prose = "How hard br tries: 4 makes 130 MB/s of HTML a seventh of it on one core, 6 half as many."}),
          value("zstd_level", &CompressionT::zstd_level, number<uint8_t>(1, 9),
                {.prose = "How hard zstd tries: 3 makes 450 MB/s of HTML a sixth of it on one core."}),
          value("gzip_level", &CompressionT::gzip_level, number<uint8_t>(1, 9),
                {.prose = "How hard gzip tries: 5 makes 80 MB/s of HTML a fifth of it on one core, 1 twice as many."}),
      });
  return section;
}

const char* const kHowHopsAreBelieved =
    "The header's list is walked from its right end: an address that is not of these networks is the client, and nothing "
    "left of it is looked at; so is the last good one where something is no address. Who the client is then counts for the "
    "routes' \"client\", for hashing, shares and variables, in X-Real-IP and in the access log, where \"peer\" is who is "
    "connected. X-Forwarded-Proto is believed for redirects, cookies and the cache, and goes on as it came, with "
    "X-Forwarded-Host and X-Forwarded-Port; of Forwarded it is the proto and the host, and what these headers say is not "
    "heard. The peer is appended to X-Forwarded-For, which is written anew where they tell by another header. From others "
    "these headers are dropped and written anew, X-Forwarded-For too, and `header` and whatever else begins with "
    "X-Forwarded are dropped. Without this setting X-Forwarded-For is always appended to, X-Forwarded-Proto, -Host and "
    "-Port, X-Real-IP and Forwarded are what this host saw or are left out, and what else a client sends of that kind "
    "(X-Forwarded-Prefix, X-Forwarded-Ssl, X-Original-URL) goes on as it came, as by other proxies: where backends act on "
    "it, `remove` of request_headers drops it. Limits of connections go by who is connected, as does what backends are told by the PROXY protocol.";

// What is changed of heads.
std::vector<Row> header_rows() {
  return {
      group("request_headers", &PoliciesT::request_headers, request_headers(),
            {.prose = "What is changed of a request's headers before a backend sees them. Whoever sends a header "
                      "whose name passes for one that is set here by other punctuation, as X_User does for X-User, does "
                      "not get it through.",
             .details = variables_prose(Moment::kRequest) + kHowHeadersAreMerged, .only = for_http()}),
      group("response_headers", &PoliciesT::response_headers, response_headers(),
            {.prose = "What is changed of a response's headers before the client sees them: of backends, caches and "
                      "files, and of what cardea-l7 answers itself.",
             .details = variables_prose(Moment::kResponse) + kHowHeadersAreMerged, .only = for_http()}),
      value("forwarded", &PoliciesT::forwarded, forwarded_words(),
            {.prose = "Whether backends are told of a request's way by the header Forwarded too (RFC 7239).",
             .example = "forwarded = \"on\";",
             .details = kHowForwardedIsWritten,
             .only = for_http()}),
      value("security_headers", &PoliciesT::security_headers, security_words(),
            {.prose = "Headers by which browsers protect their users, where a response has none of that name; "
                      "response_headers sets others in their place.",
             .example = "security_headers = \"basic\";",
             .only = for_http()}),
  };
}

// Who may ask, and how often.
std::vector<Row> guard_rows() {
  return {
      value("rate_limits", &PoliciesT::rate_limits, name(64),
            {.prose = "Limits (rate_limits) that a request has to keep, all of them; a route's beside its service's. Who is "
                      "over one is answered with 429 and Retry-After, and logged as rate_limited, bytes_limited, connections_limited or "
                      "too_many_at_once; `cardea show limits` names who is refused most.",
             .example = "rate_limits = [\"clients\"];",
             .count_max = 16,
             .unset = "none",
             .only = for_http()}),
      group("access", &PoliciesT::access, access_section(),
            {.prose = "Who may ask, by the client's address (trusted_proxies says whose that is): networks, and places as l7.geo "
                      "knows them. Who is in one of what is allowed may, unless denied. Others are answered with 403, "
                      "and logged as denied. A route's stands in place of its service's: what that denies, and this does not, "
                      "is let through there.",
             .only = for_http()}),
      group("cors", &PoliciesT::cors, cors_section(),
            {.prose = "Which other sites' pages may ask, in a browser. Preflights are answered here, and what backends say "
                      "of it is replaced. A route's stands in place of its service's.",
             .only = for_http()}),
      group("basic_auth", &PoliciesT::basic_auth, basic_auth_section(),
            {.prose = "Only who gives a name and a password may ask. Others are answered with 401, and logged as "
                      "unauthorized. A verdict is remembered, so that the hash is computed once for each password; that is "
                      "done beside the shards. A route's stands in place of its service's.",
             .only = for_http()}),
      group("api_keys", &PoliciesT::api_keys, api_keys_section(),
            {.prose = "Only who brings a key that was given out may ask. Others are answered with 401, and logged as "
                      "unauthorized. A route's stand in place of its service's.",
             .details = "The name that a key was given out under is the access log's user and the variable \"${api_key}\", by which "
                        "rate limits may count. Of the keys nothing but hashes is kept in memory. Such answers are cached as those "
                        "to requests with Authorization are.",
             .only = for_http()}),
      group("jwt", &PoliciesT::jwt, jwt_section(),
            {.prose = "Only who brings a token (a JSON Web Token, RFC 7519) that one of these keys signed may ask. Others are "
                      "answered with 401 and logged as unauthorized with a word that says why, and with 403, as "
                      "claims_missing, where the token is good and lacks a claim. A route's stands in place of its service's.",
             .details = how_tokens_are_verified(),
             .only = for_http()}),
      group("forward_auth", &PoliciesT::forward_auth, forward_auth_section(),
            {.prose = "Another service is asked whether a request may pass, as oauth2-proxy, Authelia and their kin expect it "
                      "(nginx's auth_request, Traefik's ForwardAuth, Caddy's forward_auth). Whom it refuses gets its answer, and "
                      "is logged as auth_refused. A route's stands in place of its service's.",
             .details = how_services_are_asked(),
             .only = for_http()}),
      group("waf", &PoliciesT::waf, waf_section(),
            {.prose = "A web application firewall inspects requests before they go on: libmodsecurity with the OWASP core rule "
                      "set, in processes of its own (cardea-waf, a package of that name). What it refuses is answered with 403, "
                      "and logged as waf. A route's stands in place of its service's.",
             .details = how_requests_are_inspected(),
             .only = for_http()}),
  };
}

// How requests go on.
std::vector<Row> sending_rows() {
  return {
      group("mirror", &PoliciesT::mirror, mirror_section(),
            {.prose = "A second pool gets copies of requests, and nobody its answers (traffic shadowing): a new version is tried by "
                      "what clients ask for, before any of them depends on it (nginx's mirror, Envoy's request_mirror_policies). A "
                      "route's stands in place of its service's.",
             .details = how_requests_are_copied(),
             .only = for_http()}),
      group("request_buffering", &PoliciesT::request_buffering, request_buffering_section(),
            {.prose = "A request's body is here before a backend is chosen, so that clients on slow lines hold none (nginx's "
                      "proxy_request_buffering, HAProxy's http-buffer-request). A route's stands in place of its service's. Left out: "
                      "bodies go on as they come.",
             .details = how_requests_are_buffered(),
             .only = for_http()}),
  };
}

// What clients get beside what backends send.
std::vector<Row> answer_rows() {
  return {
      list("error_pages", &PoliciesT::error_pages, error_page_section(),
           {.prose = "What is sent in place of cardea-l7's own plain text, by status. A route's pages come before its "
                     "service's.",
            .count_max = 64,
            .only = for_http()}),
      value("early_hints", &PoliciesT::early_hints, link_value(),
            {.prose = "Links that a browser is told of (103 Early Hints, RFC 8297) while the backend still thinks, so that it "
                      "fetches them meanwhile. A route's stand in place of its service's.",
             .example = "early_hints = [\"</assets/shop.css>; rel=preload; as=style\"];",
             .count_max = 32,
             .unset = "none",
             .details = "They go to who asks for a page by GET over HTTP/2 (Sec-Fetch-Mode: navigate), since browsers take them "
                        "by nothing older, and only where a backend is asked: what the cache has is there at once. The answer "
                        "itself is sent as it comes, so a backend that says the same in Link says it again.",
             .only = for_http()}),
      group("compress", &PoliciesT::compress, compression(),
            {.prose = "Answers are compressed on their way to clients that take them so: of backends, caches and files, "
                      "and fixed ones. A route's stands in place of its service's. Left out: they go out as they are.",
             .details = kHowItCompresses,
             .only = for_http()}),
  };
}

}  // namespace

const std::vector<Row>& service_policy_rows() {
  static const std::vector<Row> rows = {
      group("trusted_proxies", &PoliciesT::trusted_proxies, trusted_proxies_section(),
            {.prose = "Proxies in front of this host that are believed of whom a request comes from. Nobody is otherwise.",
             .details = kHowHopsAreBelieved,
             .only = for_http()}),
  };
  return rows;
}

const std::vector<Row>& policy_rows() {
  static const std::vector<Row> rows = [] {
    std::vector<Row> all;
    for (const auto& some : {header_rows(), guard_rows(), sending_rows(), answer_rows()}) all.insert(all.end(), some.begin(), some.end());
    return all;
  }();
  return rows;
}

}  // namespace cardea::conf
