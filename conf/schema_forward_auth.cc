// Rows of the policy by which another service says who may ask.
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;
using settings::ForwardAuthT;

Form<settings::WhenAway> away_words() {
  using enum settings::WhenAway;
  return word<settings::WhenAway>({{"refuse", refuse, "they are answered with 503, and logged as auth_away"},
                                   {"pass", pass, "they go on, without the headers that the service would have set"}});
}

}  // namespace

const char* how_services_are_asked() {
  return "The question is a GET without a body for `path`, with the client's Cookie and Authorization and the headers of "
         "request_headers, and X-Forwarded-Method, -Proto, -Host, -Uri and -For, X-Real-IP and the exchange's id. "
         "X-Forwarded-Uri is the path as it goes to a backend before rewriting, without dot segments, so that both judge "
         "the same; X-Forwarded-For is the client alone, as trusted_proxies has it, and what a client says there goes no "
         "further. It is asked behind access, rate limits, keys, passwords and tokens, and not for preflights of cors, before "
         "anything of a body is asked for (100 Continue comes from the backend). With 2xx the request goes on; 3xx and "
         "4xx go to the client as they came, with their headers and up to 64 KiB of body, beyond which the body is left out; "
         "any other answer, a broken one, none within `timeout` or no backend that takes the question is none: when_away says "
         "what follows. The pool's retries, balance, TLS and limits hold as for other requests. Requests of a shard "
         "that would ask the same wait for one answer; one that sets a cookie is the asker's alone, and is not remembered. "
         "Nothing is remembered over a reload; of a service's verdicts some thousand are, of at most 4 KiB each. What passes is "
         "cached as answers to requests with Authorization are: where the backend says that others may have it. A "
         "question that comes back as a request for which a service would have to be asked is refused (auth_loop).";
}

const Section& forward_auth_section() {
  static const Section section = section_of<ForwardAuthT>(
      "forward_auth", "",
      {
          value("enabled", &ForwardAuthT::enabled, boolean(),
                {.prose = "Whether anybody is asked: false takes a route out of what its service asks, as the service's own "
                          "login pages need it.",
                 .example = "enabled = false;"}),
          value("pool", &ForwardAuthT::pool, name(64),
                {.prose = "The pool of the service that is asked.", .example = "pool = \"auth\";", .unset = "none"}),
          value("path", &ForwardAuthT::path, request_target(),
                {.prose = "What it is asked for.", .example = "path = \"/oauth2/auth\";", .unset = "\"/\""}),
          value("host", &ForwardAuthT::host, host_name(),
                {.prose = "The Host by which it is asked; X-Forwarded-Host still says the request's.",
                 .example = "host = \"auth.internal\";",
                 .unset = "the request's"}),
          value("request_headers", &ForwardAuthT::request_headers, header_name(),
                {.prose = "Headers of the request that it sees, beside Cookie and Authorization. Authelia tells browsers from "
                          "programs by Accept and X-Requested-With.",
                 .example = "request_headers = [\"Accept\", \"X-Requested-With\"];",
                 .count_max = 32,
                 .unset = "none"}),
          value("answer_headers", &ForwardAuthT::answer_headers, header_name(),
                {.prose = "Headers of an answer that lets a request pass which its backend sees. What a client sends by these "
                          "names, or by one that passes for them as X_Auth_User does for X-Auth-User, goes no further, whatever "
                          "the service said.",
                 .example = "answer_headers = [\"X-Auth-Request-User\", \"X-Auth-Request-Groups\"];",
                 .count_max = 32,
                 .unset = "none"}),
          value("client_headers", &ForwardAuthT::client_headers, header_name(),
                {.prose = "Headers of an answer that lets a request pass which the client sees, beside those of the response: "
                          "Set-Cookie, where the service renews its sessions.",
                 .example = "client_headers = [\"Set-Cookie\"];",
                 .count_max = 8,
                 .unset = "none"}),
          value("user_header", &ForwardAuthT::user_header, header_name(),
                {.prose = "The header of such an answer that says who the client is: the access log's user and the variable "
                          "\"${user}\", by which rate limits may count.",
                 .example = "user_header = \"Remote-User\";",
                 .unset = "none"}),
          value("timeout", &ForwardAuthT::timeout_ms, number_of_ms(10ms, 1min),
                {.prose = "How long an answer is waited for, retries included."}),
          value("when_away", &ForwardAuthT::when_away, away_words(),
                {.prose = "What becomes of requests that the service has no answer to.", .example = "when_away = \"refuse\";"}),
          value("cache", &ForwardAuthT::cache_ms, number_of_ms(0ms, 1h),
                {.prose = "How long it is remembered that a request may pass: who is logged out meanwhile still does.",
                 .example = "cache = \"10s\";"}),
          value("cache_refusals", &ForwardAuthT::cache_refusals_ms, number_of_ms(0ms, 1h),
                {.prose = "How long it is remembered that one may not.", .example = "cache_refusals = \"1s\";"}),
          value("cache_key", &ForwardAuthT::cache_key, variables_text(Moment::kRequest),
                {.prose = "What verdicts are remembered and shared by: whatever the service judges by has to be in it. "
                          "\"${cookie:session} ${host}\" asks once for a session and not for each of its URLs. A request for "
                          "which nothing comes out is asked about by itself.",
                 .example = "cache_key = \"${cookie:session} ${host}\";",
                 .unset = "all that the service is told"}),
      });
  return section;
}

}  // namespace cardea::conf
