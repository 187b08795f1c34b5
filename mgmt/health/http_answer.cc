#include "mgmt/health/http_answer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "l7/http/connection.h"
#include "l7/http/framing.h"

namespace cardea::mgmt::health {
namespace {

using l7::http::Fault;

constexpr std::string_view kBeginning = "HTTP/1.";

// As far as there is something. Another protocol is told from a slow server at its first bytes.
bool begins_as_http(std::string_view input) {
  const size_t known = std::min(input.size(), kBeginning.size());
  return input.substr(0, known) == kBeginning.substr(0, known);
}

std::string not_http(std::string_view input) {
  return fmt::format("answer is not HTTP: \"{}\"", printable(input.substr(0, input.find("\r\n"))));
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
  if (reader_ && reader_->close_is_end()) {
    end_of_body();
  } else if (!reader_ && head_size_ == 0 && input_.empty()) {
    fail("closed without an answer");
  } else if (!reader_ && input_.size() < kBeginning.size()) {
    fail(not_http(input_));
  } else {
    fail("closed before the answer was complete");
  }
  return state_;
}

bool HttpAnswer::step() {
  return reader_ ? read_body() : read_head();
}

bool HttpAnswer::read_head() {
  if (!begins_as_http(input())) return fail(not_http(input()));
  l7::http::ResponseHead head;
  const auto progress = l7::http::parse_response_head(input(), {.bytes_max = kHeadMax - head_size_}, scan_, head);
  if (progress.bad()) return refuse_head(progress.fault);
  if (!progress.done()) return false;
  const bool goes_on = judge_head(head);
  consumed_ += progress.at;
  head_size_ += progress.at;
  scan_ = {};
  return goes_on;
}

bool HttpAnswer::refuse_head(Fault fault) {
  switch (fault) {
    case Fault::kHeadTooLarge:
    case Fault::kTargetTooLong:
      return fail("header section is larger than 64 KB");
    case Fault::kStatusLine:
    case Fault::kVersion:
    case Fault::kVersionUnsupported:
      return fail(not_http(input()));
    default:
      return fail(fmt::format("answer is malformed: {}", l7::http::explanation(fault)));
  }
}

// What the proxy would refuse fails here too, whatever the status.
bool HttpAnswer::judge_head(const l7::http::ResponseHead& head) {
  const auto framing = l7::http::response_body(head, l7::http::Method::kGet);
  if (!framing) return refuse_head(framing.error());
  if (const auto options = l7::http::connection_options(head.headers); !options) return refuse_head(options.error());
  status_ = head.status;
  if (head.status < 200) return true;  // interim (RFC 9110 15.2): the real answer follows
  if (std::ranges::find(expectation_.statuses, head.status) == expectation_.statuses.end()) {
    return fail(fmt::format("status {} expected {}", head.status, fmt::join(expectation_.statuses, " or ")));
  }
  if (expectation_.body.empty()) return pass();
  reader_.emplace(*framing, l7::http::Sender::kBackend);
  return true;
}

bool HttpAnswer::read_body() {
  const l7::http::BodyStep step = reader_->next(input());
  consumed_ += step.consumed;
  switch (step.state) {
    case l7::http::BodyStep::State::kData:
      return look_in_body(step.data);
    case l7::http::BodyStep::State::kEnd:
      return end_of_body();
    case l7::http::BodyStep::State::kBad:
      return fail(fmt::format("chunked body is malformed: {}", l7::http::explanation(step.fault)));
    case l7::http::BodyStep::State::kTrailers:
      return true;
    case l7::http::BodyStep::State::kNeedMore:
      break;
  }
  return false;
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
