#include "mgmt/health/http_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace cardea::mgmt::health {
namespace {

constexpr uint64_t kUntilClose = UINT64_MAX;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

template <int base = 10>
std::optional<uint64_t> whole_number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "HTTP/1.1 200 OK" and "HTTP/1.0 200" → 200.
std::optional<uint16_t> parse_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/1.") || line.size() < 12) return std::nullopt;
  if (line[7] < '0' || line[7] > '9' || line[8] != ' ') return std::nullopt;
  if (line.size() > 12 && line[12] != ' ') return std::nullopt;
  const auto status = whole_number(line.substr(9, 3));
  if (!status || *status < 100) return std::nullopt;
  return uint16_t(*status);
}

}  // namespace

std::string printable(std::string_view bytes, size_t size_max) {
  std::string out;
  for (const char c : bytes.substr(0, size_max)) {
    if (c >= ' ' && c < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", uint8_t(c));
    }
  }
  if (bytes.size() > size_max) out += "…";
  return out;
}

HttpAnswer::State HttpAnswer::feed(std::string_view bytes) {
  if (state_ != State::kReading) return state_;
  input_.append(bytes);
  while (state_ == State::kReading && step()) {
  }
  input_.erase(0, consumed_);
  consumed_ = 0;
  return state_;
}

HttpAnswer::State HttpAnswer::closed() {
  if (state_ != State::kReading) return state_;
  if (part_ == Part::kPlainBody && left_ == kUntilClose) {
    end_of_body();
  } else if (!status_ && head_size_ == 0 && input_.empty()) {
    fail("closed without an answer");
  } else if (part_ == Part::kStatusLine && !input_.starts_with("HTTP/1.")) {
    fail(fmt::format("answer is not HTTP: \"{}\"", printable(input_)));
  } else {
    fail("closed before the answer was complete");
  }
  return state_;
}

bool HttpAnswer::step() {
  std::string_view line;
  switch (part_) {
    case Part::kStatusLine:
      return take_line(line) && read_status_line(line);
    case Part::kHeaders:
      if (!take_line(line)) return false;
      if (line.empty()) return end_of_head();
      read_header(line);
      return true;
    case Part::kPlainBody:
      return read_body(Part::kPlainBody);
    case Part::kChunkSize:
      return take_line(line) && read_chunk_size(line);
    case Part::kChunkData:
      return read_body(Part::kChunkEnd);
    case Part::kChunkEnd:
      if (!take_line(line)) return false;
      part_ = Part::kChunkSize;
      return line.empty() || fail("chunked body is malformed");
  }
  return false;
}

// Lines end in LF, with or without a CR before it (RFC 9112 section 2.2). Those of the chunked coding count as head
// too: a server cannot make us read for ever by chunks without content.
bool HttpAnswer::take_line(std::string_view& line) {
  const std::string_view rest = std::string_view(input_).substr(consumed_);
  if (part_ == Part::kStatusLine && !rest.empty()) {
    constexpr std::string_view start = "HTTP/1.";
    const size_t known = std::min(rest.size(), start.size());
    if (rest.substr(0, known) != start.substr(0, known))
      return fail(fmt::format("answer is not HTTP: \"{}\"", printable(rest)));
  }
  const size_t end = rest.find('\n');
  if (head_size_ + std::min(end, rest.size()) > kHeadMax) return fail("header section is larger than 64 KB");
  if (end == std::string_view::npos) return false;
  line = rest.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  consumed_ += end + 1;
  head_size_ += end + 1;
  return true;
}

bool HttpAnswer::read_status_line(std::string_view line) {
  const auto status = parse_status_line(line);
  if (!status) return fail(fmt::format("answer is not HTTP: \"{}\"", printable(line)));
  status_ = *status;
  part_ = Part::kHeaders;
  if (*status < 200) return true;  // interim (RFC 9110 section 15.2): the real answer follows
  if (std::ranges::find(expectation_.statuses, *status) != expectation_.statuses.end()) return true;
  return fail(fmt::format("status {} expected {}", *status, fmt::join(expectation_.statuses, " or ")));
}

void HttpAnswer::read_header(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon), value = trim(line.substr(colon + 1));
  if (same_word(name, "content-length")) content_length_ = whole_number(value);
  if (same_word(name, "transfer-encoding"))
    chunked_ = value.size() >= 7 && same_word(value.substr(value.size() - 7), "chunked");
}

bool HttpAnswer::end_of_head() {
  if (*status_ < 200) {
    part_ = Part::kStatusLine;
    content_length_.reset();
    chunked_ = false;
    return true;
  }
  if (expectation_.body.empty()) return pass();
  if (*status_ == 204 || *status_ == 304) return end_of_body();
  part_ = chunked_ ? Part::kChunkSize : Part::kPlainBody;
  left_ = content_length_.value_or(kUntilClose);
  return true;
}

bool HttpAnswer::read_chunk_size(std::string_view line) {
  const auto size = whole_number<16>(trim(line.substr(0, line.find(';'))));
  if (!size || *size == kUntilClose) return fail("chunked body is malformed");
  if (*size == 0) return end_of_body();
  left_ = *size;
  part_ = Part::kChunkData;
  return true;
}

bool HttpAnswer::read_body(Part then) {
  if (left_ == 0) {
    if (then == Part::kPlainBody) return end_of_body();
    part_ = then;
    return true;
  }
  const std::string_view rest = std::string_view(input_).substr(consumed_);
  if (rest.empty()) return false;
  const std::string_view piece = rest.substr(0, size_t(std::min<uint64_t>(left_, rest.size())));
  consumed_ += piece.size();
  if (left_ != kUntilClose) left_ -= piece.size();
  return look_in_body(piece);
}

bool HttpAnswer::look_in_body(std::string_view piece) {
  const std::string& wanted = expectation_.body;
  const size_t from = body_.size() - std::min(body_.size(), wanted.size() - 1);
  body_.append(piece.substr(0, kBodyMax - body_.size()));
  if (body_.find(wanted, from) != std::string::npos) return pass();
  if (body_.size() < kBodyMax) return true;
  return fail(fmt::format("body lacks \"{}\" in its first 64 KB", printable(wanted)));
}

bool HttpAnswer::end_of_body() {
  return fail(fmt::format("body lacks \"{}\"", printable(expectation_.body)));
}

bool HttpAnswer::pass() {
  state_ = State::kPassed;
  return false;
}

bool HttpAnswer::fail(std::string reason) {
  state_ = State::kFailed;
  reason_ = std::move(reason);
  return false;
}

}  // namespace cardea::mgmt::health
