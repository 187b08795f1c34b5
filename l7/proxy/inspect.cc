#include "l7/proxy/inspect.h"

#include <charconv>

#include "l7/proxy/exchange.h"
#include "l7/proxy/hold_body.h"
#include "l7/proxy/waf_question.h"

namespace cardea::l7::proxy {
namespace {

using policy::Waf;
using waf::Outcome;

// Why nobody can tell what a backend will make of the body; null: one can.
const char* obscure(const http::Headers& headers) {
  if (headers.has(http::HeaderId::kContentEncoding)) return "content_encoding";
  if (headers.repeated(http::HeaderId::kContentType)) return "content_type";
  return nullptr;
}

std::string_view listed(Exchange& x, std::span<const uint32_t> ids) {
  constexpr size_t kDigits = 11;
  char* const began = x.arena().characters(ids.size() * kDigits + 1);
  char* at = began;
  for (const uint32_t id : ids) {
    if (at != began) *at++ = ',';
    at = std::to_chars(at, at + kDigits, id).ptr;
  }
  return {began, size_t(at - began)};
}

// What is not inspected, or in part.
Failure over(Exchange& x, const Waf& waf, Reason reason, std::string_view what) {
  count(x.shard(), x.service.rows.waf_skipped);
  x.record.waf = "over";
  x.record.detail = what;
  return waf.block && waf.refuse_over ? failure(reason, what) : Failure{};
}

Failure away(Exchange& x, const Waf& waf, const WafAnswer& answer) {
  const bool full = answer.kind == WafAnswer::Kind::kFull;
  count(x.shard(), full ? x.service.rows.waf_queue_full : x.service.rows.waf_away);
  x.record.waf = "away";
  x.record.detail = answer.why;
  return waf.block && !waf.pass_when_away ? failure(Reason::kWafAway, answer.why) : Failure{};
}

Failure late(Exchange& x, const Waf& waf, std::string_view why) {
  count(x.shard(), x.service.rows.waf_late);
  x.record.waf = "late";
  x.record.detail = why;
  return waf.block && waf.refuse_over ? failure(Reason::kWafLate, why) : Failure{};
}

Failure matched(Exchange& x, const Waf& waf) {
  count(x.shard(), waf.block ? x.service.rows.waf_blocked : x.service.rows.waf_detected);
  x.record.waf = waf.block ? "blocked" : "detected";
  return waf.block ? failure(Reason::kWaf) : Failure{};
}

Failure judge(Exchange& x, const Waf& waf, const waf::Verdict& verdict) {
  switch (verdict.outcome) {
    case Outcome::kArguments:
      return over(x, waf, Reason::kWafOver, "arguments_max");
    case Outcome::kValue:
      return over(x, waf, Reason::kWafOver, "value_max");
    case Outcome::kFailed:
    case Outcome::kUnknownRules:
      return late(x, waf, "engine_failed");
    case Outcome::kPass:
    case Outcome::kMatch:
      break;
  }
  const ServiceRows& rows = x.service.rows;
  count(x.shard(), rows.waf_inspected);
  count(x.shard(), rows.waf_time, verdict.micros);
  x.record.waf_score = verdict.score;
  if (verdict.rules_count != 0) x.record.waf_rules = listed(x, verdict.ids());
  if (verdict.outcome == Outcome::kMatch) return matched(x, waf);
  if (x.record.waf.empty()) x.record.waf = "pass";
  return {};
}

}  // namespace

namespace {

void note_stream(Exchange& x) {
  count(x.shard(), x.service.rows.waf_skipped);
  x.record.waf = "over";
  x.record.detail = "messages";
}

// Of what is to be inspected, the body; a failure: it may not go on.
Task<Held> hold(Exchange& x, const Waf& waf) {
  Held held;
  held.whole = true;
  if (!has_body(x)) co_return held;
  const http::BodyFraming body = x.admitted.body;
  const bool known = body.kind == http::BodyKind::kLength && body.length > waf.body_max;
  if (const char* why = obscure(x.head.headers)) held.failure = over(x, waf, Reason::kWafOver, why);
  if (!held.failure && is_stream(x)) {
    note_stream(x);
    co_return held;
  }
  if (!held.failure && known) held.failure = over(x, waf, Reason::kWafOver, "body_max");
  if (held.failure) co_return held;
  held = co_await hold_body(x, waf.body_max);
  if (!held.failure && !held.whole && !known) held.failure = over(x, waf, Reason::kWafOver, "body_max");
  co_return held;
}

}  // namespace

// The client's time for its body is not the worker's: the deadline begins when all of it is here.
Task<Failure> inspect(Exchange& x, const Waf& waf) {
  const Held held = co_await hold(x, waf);
  if (held.failure) co_return held.failure;
  const std::string_view terms = held.whole ? waf.terms : waf.terms_of_part;
  const WafAnswer answer = co_await ask_waf(x, terms, held.body, x.now() + waf.time_max);
  if (x.client_gone) co_return failure(Reason::kClientClosed);
  if (answer.kind == WafAnswer::Kind::kVerdict) co_return judge(x, waf, answer.verdict);
  if (answer.kind == WafAnswer::Kind::kLate) co_return late(x, waf, answer.why);
  co_return away(x, waf, answer);
}

}  // namespace cardea::l7::proxy
