#include "l7/waf/inspect.h"

#include <modsecurity/modsecurity.h>
#include <modsecurity/rule_message.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include <charconv>
#include <cstdlib>
#include <memory>

#include "base/clock.h"
#include "l7/waf/caps.h"

namespace cardea::l7::waf {
namespace {

using modsecurity::RuleMessage;
using modsecurity::Transaction;

bool same(std::string_view name, std::string_view small_letters) {
  return std::ranges::equal(name, small_letters, [](char a, char b) { return (a | (a >= 'A' && a <= 'Z' ? 32 : 0)) == b; });
}

constexpr uint32_t kFileNamedTwice = 200004;  // among the ids of our own rules (rule_set.cc)

// Rules of the core set that add up and tell, but match nothing themselves.
bool tells_of_others(int id) {
  return (id >= 949000 && id < 950000) || (id >= 959000 && id < 960000) || (id >= 980000 && id < 981000);
}

void note_rule(void* to, const void* message) {
  auto& verdict = *static_cast<Verdict*>(to);
  const int id = static_cast<const RuleMessage*>(message)->m_ruleId;
  if (id <= 0 || tells_of_others(id)) return;
  for (const uint32_t known : verdict.ids())
    if (known == uint32_t(id)) return;
  if (verdict.rules_count < Verdict::kRulesMax) verdict.rules[verdict.rules_count] = uint32_t(id);
  ++verdict.rules_count;
}

bool is_removed(const Terms& terms, uint32_t id) {
  return std::ranges::any_of(terms.removed, [id](const IdRange& range) { return range.first <= id && id <= range.last; });
}

std::string_view content_type(const Question& q) {
  for (const Pair& header : q.headers)
    if (same(header.name, "content-type")) return header.value;
  return {};
}

// What it comes to before a rule has seen it.
Outcome count_arguments(const Question& q) {
  const Terms& terms = q.terms;
  Arguments all;
  const size_t at = q.uri.find('?');
  if (at != std::string_view::npos) count_pairs(all, q.uri.substr(at + 1));
  for (const Pair& header : q.headers)
    if (same(header.name, "cookie")) count_cookies(all, header.value);
  count_body(all, q.body, content_type(q));
  if (terms.arguments_max != 0 && all.count > terms.arguments_max) return Outcome::kArguments;
  if (terms.value_max != 0 && all.longest > terms.value_max) return Outcome::kValue;
  return Outcome::kPass;
}

void set_terms(Transaction& t, const Terms& terms) {
  for (const Pair& pair : terms.variables)
    t.m_collections.m_tx_collection->storeOrUpdateFirst(std::string(pair.name), std::string(pair.value));
  for (const IdRange& range : terms.removed) t.m_ruleRemoveByIdRange.emplace_back(int(range.first), int(range.last));
  if (terms.part) t.m_ruleRemoveByIdRange.emplace_back(200002, 200003);
}

uint16_t score_of(Transaction& t, const char* name) {
  const auto text = t.m_collections.m_tx_collection->resolveFirst(name);
  unsigned score = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), score);
  return uint16_t(std::min(score, 0xffffu));
}

bool stopped(Transaction& t) {
  modsecurity::ModSecurityIntervention it{};
  modsecurity::intervention::reset(&it);
  const bool yes = t.intervention(&it);
  if (yes) modsecurity::intervention::free(&it);
  return yes;
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void add_request_headers(Transaction& t, const Question& q) {
  for (const Pair& header : q.headers)
    t.addRequestHeader(bytes(header.name), header.name.size(), bytes(header.value), header.value.size());
}

// A body that says no type is a form: backends guess, and what no reader takes apart no rule sees.
void guess_type(Transaction& t, const Question& q) {
  if (q.body.empty() || content_type(q).find_first_not_of(" \t") != std::string_view::npos) return;
  t.m_requestBodyType = Transaction::WWWFormUrlEncoded;
  t.m_variableReqbodyProcessor.set("URLENCODED", t.m_variableOffset);
}

// The request's phases; true: refused.
bool run_request(Transaction& t, const Question& q) {
  t.processURI(std::string(q.uri).c_str(), std::string(q.method).c_str(), std::string(q.version).c_str());
  add_request_headers(t, q);
  guess_type(t, q);
  t.processRequestHeaders();
  if (stopped(t)) return true;
  if (!q.body.empty()) t.appendRequestBody(bytes(q.body), q.body.size());
  if (const std::string end = q.terms.part ? missing_end(q.body, content_type(q)) : std::string(); !end.empty())
    t.appendRequestBody(bytes(end), end.size());
  t.processRequestBody();
  return stopped(t);
}

}  // namespace

Verdict inspect(const Rules& rules, const Question& q) {
  const Instant began = monotonic_now();
  Verdict verdict;
  verdict.outcome = count_arguments(q);
  if (verdict.outcome != Outcome::kPass) return verdict;
  if (names_a_file_twice(q.body, content_type(q)) && !is_removed(q.terms, kFileNamedTwice))
    return {.outcome = Outcome::kMatch, .score = 5, .rules_count = 1, .rules = {kFileNamedTwice}};
  engine().setServerLogCb(note_rule, modsecurity::RuleMessageLogProperty);
  Transaction t(&engine(), rules.get(), &verdict);
  set_terms(t, q.terms);
  t.processConnection(std::string(q.client).c_str(), q.client_port, std::string(q.server).c_str(), q.server_port);
  if (run_request(t, q)) verdict.outcome = Outcome::kMatch;
  verdict.score = score_of(t, "anomaly_score");
  verdict.micros = uint32_t(std::chrono::duration_cast<std::chrono::microseconds>(monotonic_now() - began).count());
  return verdict;
}

}  // namespace cardea::l7::waf
