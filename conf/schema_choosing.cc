// Rows of `pools` about which backend gets the next request: the balance, and what has the say before and behind it.
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;

const Section& ejection_section() {
  static const Section section = section_of<Ejection>(
      "ejection", "",
      {
          value("errors", &Ejection::errors, number<uint32_t>(0, 1'000'000),
                {.prose =
                     "Errors in a row that eject a backend: connections refused or not made in time, requests that it "
                     "broke off or did not answer; 0: none do."}),
          value("gateway_errors", &Ejection::gateway_errors, number<uint32_t>(0, 1'000'000),
                {.prose =
                     "Answers with the status 502, 503 or 504 in a row, or errors, that eject a backend; 0: none do."}),
          value(
              "time", &Ejection::time, duration(100ms, 24h),
              {.prose = "How long a backend is left alone the first time. Each further time it is so much longer, and "
                        "each `time` that it served well in between makes it shorter again.",
               .example = "time = \"30s\";"}),
          value("time_max", &Ejection::time_max, duration(100ms, 24h),
                {.prose = "The longest that a backend is left alone."}),
          value(
              "share_max", &Ejection::share_max, number<uint32_t>(1, 100),
              {.prose = "Most of the backends that serve that may be ejected at a time, in percent; one may always be, "
                        "and the last never."}),
      });
  return section;
}

const Section& sticky_section() {
  static const Section section = section_of<Sticky>(
      "sticky", "",
      {
          value(
              "cookie", &Sticky::cookie, token(64),
              {.prose =
                   "Name of the cookie by which a client comes to its backend again. It is set in the first response, "
                   "for the whole host, until the browser ends (HttpOnly, SameSite=Lax, and Secure over TLS); "
                   "its value is a signature of the backend's name, which nobody can make for another one.",
               .example = "cookie = \"where\";",
               .required = true}),
          value(
              "key", &Sticky::key, text(256),
              {.prose = "Secret that the cookie's value is signed with; the same on every node of the cluster. When it "
                        "changes, every client is sent to a backend anew.",
               .example = "key = \"f0b6c1a05dc2a4c8f1a9d1b2fa6b7d58\";",
               .secret = true,
               .unset = "the cluster's seed"}),
      });
  return section;
}

const Section& queue_section() {
  static const Section section = section_of<Queue>(
      "queue", "",
      {
          value("length", &Queue::length, number<uint32_t>(1, 1'000'000),
                {.prose =
                     "Most requests of this host that wait at a time; who finds so many is answered 503, queue_full.",
                 .example = "length = 200;"}),
          value("timeout", &Queue::timeout, duration(1ms, 1h),
                {.prose = "How long a request waits at most; then it is answered 503, queue_timeout.",
                 .example = "timeout = \"2s\";"}),
      });
  return section;
}

Form<Balance> balance_words() {
  return word<Balance>(
      {{"maglev", Balance::kMaglev,
        "consistent hashing: every node chooses the same backend, and few connections move when backends come and go"},
       {"round_robin", Balance::kRoundRobin, "tcp and http services: one after the other, by weight"},
       {"least_conn", Balance::kLeastConn, "tcp and http services: the one with the least under way for its weight"},
       {"random", Balance::kRandom, "tcp and http services: one by chance, by weight"},
       {"p2c", Balance::kP2c,
        "tcp and http services: of two that are drawn by weight the one that is quicker and has less under way; how "
        "quick "
        "is the time to the head of a response, in which slow answers and failures weigh most (peak EWMA over 10 "
        "seconds)"},
       {"source_hash", Balance::kSourceHash,
        "tcp and http services: consistent hashing of the client's address (of an IPv6 address its /64), so that a "
        "client "
        "stays with its backend"},
       {"hash", Balance::kHash,
        "tcp and http services: consistent hashing of `hash_on`, no backend getting much more than its share "
        "(`hash_load_max`)"}});
}

Form<HashOn> hash_words() {
  return word<HashOn>({{"client", HashOn::kClient, "the client's address, of an IPv6 address its /64"},
                       {"uri", HashOn::kUri, "the path and query that the client asks for"},
                       {"header", HashOn::kHeader, "the first header called `hash_name`"},
                       {"cookie", HashOn::kCookie, "the first cookie called `hash_name`"}});
}

}  // namespace

std::vector<Row> choosing_rows() {
  return {
      value("balance", &Pool::balance, balance_words(), {.prose = "How a new connection's backend is chosen."}),
      value(
          "slow_start", &Pool::slow_start, duration(0ms, 24h),
          {.prose = "tcp and http services: how long a backend that came back, or was ejected, takes to get its whole "
                    "share again; it begins with a tenth. 0s: at once.",
           .example = "slow_start = \"30s\";"}),
      value(
          "panic_below", &Pool::panic_below, number<uint32_t>(0, 100),
          {.prose = "Where less than this share by weight of a pool is up, in percent, backends that are down get work "
                    "too: few left alone would be overrun, and checks may be wrong. Never those that an operator "
                    "drains or holds in maintenance. 0: only what is up ever gets work. `cardea status` names pools "
                    "in panic.",
           .example = "panic_below = 30;"}),
      group(
          "ejection", &Pool::ejection, ejection_section(),
          {.prose = "tcp and http services: backends that fail request after request are left alone by the whole host, "
                    "beside what health checks say. Left out: each shard passes over a backend that fails for a few "
                    "seconds, and no more."}),
      group("sticky", &Pool::sticky, sticky_section(),
            {.prose = "http services: a client stays with its backend by a cookie, whatever `balance` says. While that "
                      "backend drains it keeps its clients; when it is down, ejected, full or gone, another is chosen "
                      "and the cookie replaced."}),
      group("queue", &Pool::queue, queue_section(),
            {.prose = "http services: requests that find every backend at `connections_max` wait, first come, first "
                      "served on each shard. Left out: they are answered 503, backends_busy, at once."}),
      value("hash_on", &Pool::hash_on, hash_words(),
            {.prose = "balance = \"hash\": what of a request is hashed. Where it has no such header or cookie, and in "
                      "tcp services, that is the client's address.",
             .example = "hash_on = \"uri\";"}),
      value("hash_name", &Pool::hash_name, token(256),
            {.prose = "Name of the header or cookie that is hashed.",
             .example = "hash_name = \"X-Tenant\";",
             .unset = "none; hash_on = \"header\" and \"cookie\" need one"}),
      value(
          "hash_load_max", &Pool::hash_load_max, number<uint32_t>(100, 10'000),
          {.prose = "balance = \"hash\": most that a backend may have under way, in percent of its share by weight of "
                    "what all have under way. What is above goes to the next on the ring, so that one popular key "
                    "overloads nobody; 10000 lets every key stay where it belongs."}),
  };
}

}  // namespace cardea::conf
