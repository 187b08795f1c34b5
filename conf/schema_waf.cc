// Rows of the web application firewall: what it makes of requests, and its processes.
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;
using settings::WafT;

Form<settings::WafMode> mode_words() {
  using enum settings::WafMode;
  return word<settings::WafMode>({{"detect", detect, "what is found is logged and counted, and nothing is refused"},
                                  {"block", block, "what is found is answered with 403"}});
}

Form<settings::WafPreset> preset_words() {
  using enum settings::WafPreset;
  return word<settings::WafPreset>(
      {{"crs", crs, "the OWASP core rule set, as Debian's modsecurity-crs and the operator's files in /etc/modsecurity/crs have it"},
       {"api", api, "the same for APIs: PUT, PATCH and DELETE are methods as others, and problem+json, merge-patch+json, "
                    "json-patch+json, vnd.api+json, ld+json and octet-stream are types as others"}});
}

Form<settings::WhenOver> over_words() {
  using enum settings::WhenOver;
  return word<settings::WhenOver>(
      {{"refuse", refuse, "it is answered with 413 and logged as waf_over; behind time_max with 503, as waf_late"},
       {"part", part, "the head and the first body_max bytes of its body are inspected, and the rest goes on unseen; with more "
                      "arguments or a longer value than may be, or behind time_max, nothing is"}});
}

Form<settings::WhenAway> away_words() {
  using enum settings::WhenAway;
  return word<settings::WhenAway>({{"refuse", refuse, "it is answered with 503, and logged as waf_away"},
                                   {"pass", pass, "it goes on as if there were no firewall"}});
}

}  // namespace

const char* how_requests_are_inspected() {
  return "A request is inspected behind access, limits, keys, passwords and tokens, before caches are asked and anything goes to "
         "a backend: its head, query and body, which is read as far as body_max and kept in l7.buffers meanwhile; a client "
         "that waits for 100 Continue gets it from here. Messages of gRPC and what follows a WebSocket's request are not "
         "looked at; messages only where the pool may speak HTTP/2, and waf is then over. Nor are bodies with a "
         "Content-Encoding or two Content-Types, which exceed a limit (content_encoding, content_type): nobody decodes them "
         "here, and nobody knows which type a backend believes. A body without a type is read as a form. Trailers of a "
         "request do not go on, for no rule looks at them. Rules add to a score; what reaches `threshold` is refused. The access log has what became of a request "
         "(waf), its score (waf_score) and the rules that matched (waf_rules), which also says what to `exclude` where that was a "
         "mistake: begin with mode \"detect\", and read the log for a week. Each inspection is one worker's, and one that "
         "takes too long or breaks its worker costs nobody else an answer; another worker is there a millisecond later. A "
         "request costs 0.5 to 1 ms of a core without a body, and several with one: for static files and whatever else "
         "takes nothing from clients, `waf: { enabled = false; }` of their route saves it. Rules are loaded anew by `cardea reload`: "
         "those before serve until the new ones are loaded, and files with a mistake refuse the reload; `cardea-waf --check "
         "FILE…` says so before.";
}

const Section& waf_section() {
  static const Section section = section_of<WafT>(
      "waf", "",
      {
          value("enabled", &WafT::enabled, boolean(),
                {.prose = "Whether requests are inspected: false takes a route out of what its service does.",
                 .example = "enabled = false;"}),
          value("mode", &WafT::mode, mode_words(), {.prose = "What follows from what is found.", .example = "mode = \"detect\";"}),
          value("preset", &WafT::preset, preset_words(), {.prose = "Which rules there are.", .example = "preset = \"api\";"}),
          value("files", &WafT::files, file_path("/etc/modsecurity/shop/*.conf"),
                {.prose = "Files of rules in ModSecurity's language, in place of the core rule set, in this order; the last part of a "
                          "name may have * in it. cardea-waf's user has to be able to read them.",
                 .example = "files = [\"/etc/modsecurity/shop/*.conf\"];",
                 .count_max = 64,
                 .unset = "the core rule set's"}),
          value("paranoia", &WafT::paranoia, number<uint8_t>(1, 4),
                {.prose = "The core rule set's paranoia level: from 2 on it finds more, and more of what is harmless.",
                 .example = "paranoia = 2;"}),
          value("threshold", &WafT::threshold, number<uint16_t>(1, 10000),
                {.prose = "The anomaly score that is refused: a rule adds 2 (notice) to 5 (critical).", .example = "threshold = 10;"}),
          value("exclude", &WafT::exclude, rule_ids(),
                {.prose = "Rules that do not count here, by their ids.",
                 .example = "exclude = [\"942100\", \"941000-941999\"];",
                 .count_max = 256,
                 .unset = "none"}),
          value("body_max", &WafT::body_max, size(0, 16 << 20),
                {.prose = "How much of a body is inspected, and held until it is.", .example = "body_max = \"256KiB\";"}),
          value("arguments_max", &WafT::arguments_max, number<uint32_t>(0, 100'000),
                {.prose = "How many arguments a request may have, of the query and the body together; of JSON its leaves. Each costs "
                          "about 0.1 ms. 0: any number.",
                 .example = "arguments_max = 1000;"}),
          value("value_max", &WafT::value_max, size(0, 16 << 20),
                {.prose = "How long one of them may be. What a value costs grows faster than it does: 16 KiB may cost 0.1 s. 0: any length. Of an uploaded file nothing counts "
                          "but its head.",
                 .example = "value_max = \"8KiB\";"}),
          value("when_over", &WafT::when_over, over_words(),
                {.prose = "What becomes of a request in mode \"block\" that exceeds one of these, or time_max.",
                 .example = "when_over = \"part\";"}),
          value("time_max", &WafT::time_max_ms, number_of_ms(10ms, 1min),
                {.prose = "How long a verdict is waited for, its turn included. A worker that takes so long of its own time is ended; so is, "
                          "50 ms later, one whose verdict nobody waits for any more, as its client left (`cardea status`: late, deserted).",
                 .example = "time_max = \"250ms\";"}),
          value("when_away", &WafT::when_away, away_words(),
                {.prose = "What becomes of a request in mode \"block\" on which there is no verdict: cardea-waf is away, as many wait as "
                          "may (l7.waf.queue), or no worker came to it in time.",
                 .example = "when_away = \"pass\";"}),
      });
  return section;
}

const Section& waf_workers_section() {
  static const Section section = section_of<WafWorkers>(
      "waf", "",
      {
          value("workers", &WafWorkers::workers, number<uint32_t>(1, 64),
                {.prose = "Processes of one thread each: as many requests are inspected at once.", .example = "workers = 4;"}),
          value("queue", &WafWorkers::queue, number<uint32_t>(1, 4096),
                {.prose = "Requests that may wait for one of them.", .example = "queue = 128;"}),
          value("memory", &WafWorkers::memory, size(256 << 20, uint64_t{64} << 30),
                {.prose = "Address space that each may take; the core rule set takes 20 MB, which they share."}),
      });
  return section;
}

}  // namespace cardea::conf
