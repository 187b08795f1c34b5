#include "l7/waf/message.h"

#include <algorithm>

namespace cardea::l7::waf {
namespace {

std::unexpected<Error> not_spoken() {
  return fail("what came is no message of this version of cardea-waf's protocol");
}

// Takes fields off what is left; behind the first that is not whole there is nothing.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : left_(bytes) {}

  template <typename T>
  T number() {
    T value{};
    const std::string_view bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view text() { return take(number<uint32_t>()); }
  // How many elements follow, each of at least so many bytes.
  size_t count(size_t max, size_t bytes_each) {
    const size_t count = number<uint16_t>();
    if (count > max || count * bytes_each > left_.size()) spoilt_ = true;
    return spoilt_ ? 0 : count;
  }
  std::string_view rest() { return take(left_.size()); }
  bool whole() const { return !spoilt_; }
  bool done() const { return !spoilt_ && left_.empty(); }

 private:
  std::string_view take(size_t bytes) {
    if (spoilt_ || bytes > left_.size()) {
      spoilt_ = true;
      return {};
    }
    const std::string_view taken = left_.substr(0, bytes);
    left_.remove_prefix(bytes);
    return taken;
  }

  std::string_view left_;
  bool spoilt_ = false;
};

// Puts fields behind each other into memory that has room for them.
class Writer {
 public:
  explicit Writer(char* at) : began_(at), at_(at) {}

  template <typename T>
  void number(T value) {
    put({reinterpret_cast<const char*>(&value), sizeof value});
  }
  void text(std::string_view text) {
    number(uint32_t(text.size()));
    put(text);
  }
  void put(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  size_t size() const { return size_t(at_ - began_); }

 private:
  char* began_;
  char* at_;
};

constexpr uint64_t kFnvBasis = 0xcbf29ce484222325, kFnvPrime = 0x100000001b3;
constexpr size_t kTextHead = sizeof(uint32_t), kPairMin = 2 * kTextHead;
constexpr size_t kTermsMax = 4096;  // variables, and removed rules

size_t size_of(std::span<const Pair> pairs) {
  size_t bytes = sizeof(uint16_t);
  for (const Pair& pair : pairs) bytes += kPairMin + pair.name.size() + pair.value.size();
  return bytes;
}

void write_pairs(Writer& out, std::span<const Pair> pairs) {
  out.number(uint16_t(pairs.size()));
  for (const Pair& pair : pairs) out.text(pair.name), out.text(pair.value);
}

std::vector<Pair> read_pairs(Fields& fields, size_t max) {
  std::vector<Pair> pairs(fields.count(max, kPairMin));
  for (Pair& pair : pairs) pair.name = fields.text(), pair.value = fields.text();
  return pairs;
}

Terms read_terms(Fields& fields) {
  Terms terms;
  terms.rules = fields.number<uint64_t>();
  terms.time_max_ms = fields.number<uint32_t>();
  terms.arguments_max = fields.number<uint32_t>();
  terms.value_max = fields.number<uint32_t>();
  terms.part = fields.number<uint8_t>() != 0;
  terms.variables = read_pairs(fields, kTermsMax);
  terms.removed.resize(fields.count(kTermsMax, sizeof(IdRange)));
  for (IdRange& range : terms.removed) range.first = fields.number<uint32_t>(), range.last = fields.number<uint32_t>();
  return terms;
}

}  // namespace

uint64_t rules_id(std::span<const std::string> files) {
  uint64_t hash = kFnvBasis;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * kFnvPrime; };
  for (const std::string& file : files) {
    for (const char c : file) add(static_cast<unsigned char>(c));
    add(0);
  }
  return hash;
}

Result<Head> read_head(std::string_view bytes, size_t size_max) {
  Head head;
  if (bytes.size() < kHeadBytes) return not_spoken();
  std::memcpy(&head, bytes.data(), kHeadBytes);
  if (head.magic != Head::kMagic || head.version != Head::kVersion || head.size > size_max) return not_spoken();
  return head;
}

std::string write(const Terms& terms) {
  std::string text(sizeof(uint64_t) + 3 * sizeof(uint32_t) + 1 + size_of(terms.variables) + sizeof(uint16_t) +
                       terms.removed.size() * sizeof(IdRange),
                   '\0');
  Writer out(text.data());
  out.number(terms.rules);
  out.number(terms.time_max_ms);
  out.number(terms.arguments_max);
  out.number(terms.value_max);
  out.number(uint8_t{terms.part});
  write_pairs(out, terms.variables);
  out.number(uint16_t(terms.removed.size()));
  for (const IdRange& range : terms.removed) out.number(range.first), out.number(range.last);
  return text;
}

size_t size_of(const Question& q, std::string_view terms) {
  return kHeadBytes + terms.size() + 2 * sizeof(uint16_t) + 5 * kTextHead + q.client.size() + q.server.size() +
         q.method.size() + q.uri.size() + q.version.size() + size_of(q.headers);
}

std::string_view write(std::span<char> into, const Question& q, std::string_view terms, size_t body_bytes) {
  Writer out(into.data());
  const size_t size = size_of(q, terms) - kHeadBytes + body_bytes;
  out.number(Head{.kind = Kind::kRequest, .size = uint32_t(size)});
  out.put(terms);
  out.number(q.client_port);
  out.number(q.server_port);
  for (const std::string_view text : {q.client, q.server, q.method, q.uri, q.version}) out.text(text);
  write_pairs(out, q.headers);
  return {into.data(), out.size()};
}

Result<Question> read_question(std::string_view bytes) {
  Fields fields(bytes);
  Question q;
  q.terms = read_terms(fields);
  q.client_port = fields.number<uint16_t>();
  q.server_port = fields.number<uint16_t>();
  for (std::string_view* const text : {&q.client, &q.server, &q.method, &q.uri, &q.version}) *text = fields.text();
  q.headers = read_pairs(fields, kHeadersMax);
  q.body = fields.rest();
  if (!fields.whole()) return not_spoken();
  return q;
}

std::string begun() {
  std::string text(kHeadBytes, '\0');
  Writer(text.data()).number(Head{.kind = Kind::kBegun, .size = 0});
  return text;
}

std::string write(const Verdict& verdict) {
  const std::span<const uint32_t> ids = verdict.ids();
  constexpr size_t kFixed = sizeof(uint8_t) + sizeof(uint16_t) + 2 * sizeof(uint32_t) + sizeof(uint16_t);
  std::string text(kHeadBytes + kFixed + ids.size_bytes(), '\0');
  Writer out(text.data());
  out.number(Head{.kind = Kind::kVerdict, .size = uint32_t(text.size() - kHeadBytes)});
  out.number(verdict.outcome);
  out.number(verdict.score);
  out.number(verdict.micros);
  out.number(verdict.rules_count);
  out.number(uint16_t(ids.size()));
  for (const uint32_t id : ids) out.number(id);
  return text;
}

Result<Verdict> read_verdict(std::string_view bytes) {
  Fields fields(bytes);
  Verdict verdict;
  verdict.outcome = fields.number<Outcome>();
  verdict.score = fields.number<uint16_t>();
  verdict.micros = fields.number<uint32_t>();
  verdict.rules_count = fields.number<uint32_t>();
  const size_t ids = fields.count(Verdict::kRulesMax, sizeof(uint32_t));
  for (size_t i = 0; i < ids; ++i) verdict.rules[i] = fields.number<uint32_t>();
  if (!fields.done() || ids != verdict.ids().size() || verdict.outcome > Outcome::kFailed) return not_spoken();
  return verdict;
}

}  // namespace cardea::l7::waf
