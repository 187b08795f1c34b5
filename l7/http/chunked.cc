#include "l7/http/chunked.h"

#include <algorithm>

#include "base/check.h"
#include "l7/http/byte_set.h"

namespace cardea::l7::http {
namespace {

constexpr unsigned kDigitsMax = 16;
constexpr uint64_t kChunkMax = uint64_t{1} << 62;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// What may stand in an extension's quotes or a trailer's value; CR and LF are the line's end.
bool is_text(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

BodyStep ChunkedDecoder::next(std::string_view input) {
  for (size_t at = 0; at < input.size(); ++at) {
    if (state_ == State::kData) {
      const auto size = size_t(std::min<uint64_t>(left_, input.size() - at));
      left_ -= size;
      if (left_ == 0) state_ = State::kDataCr;
      return {BodyStep::State::kData, Fault::kNone, at + size, input.substr(at, size)};
    }
    if (state_ == State::kEnd) return {BodyStep::State::kEnd, Fault::kNone, at, {}};
    if (in_trailers(input[at])) return take_trailers(input, at);
    if (state_ != State::kBad) step(input[at]);
    if (state_ == State::kBad) return {BodyStep::State::kBad, fault_, at, {}};
  }
  if (state_ == State::kEnd) return {BodyStep::State::kEnd, Fault::kNone, input.size(), {}};
  if (state_ == State::kBad) return {BodyStep::State::kBad, fault_, input.size(), {}};
  return {BodyStep::State::kNeedMore, Fault::kNone, input.size(), {}};
}

// Not the empty line behind them.
bool ChunkedDecoder::in_trailers(char c) const {
  if (state_ == State::kTrailerStart) return c != '\r';
  return state_ == State::kTrailerName || state_ == State::kTrailerNameBlank || state_ == State::kTrailerValue ||
         state_ == State::kTrailerLf;
}

BodyStep ChunkedDecoder::take_trailers(std::string_view input, size_t from) {
  size_t at = from;
  for (; at < input.size() && in_trailers(input[at]); ++at) step(input[at]);
  if (state_ == State::kBad) return {BodyStep::State::kBad, fault_, at - 1, {}};
  return {BodyStep::State::kTrailers, Fault::kNone, at, input.substr(from, at - from)};
}

void ChunkedDecoder::expect(char c, char wanted, State then, Fault otherwise) {
  if (c != wanted) return refuse(otherwise);
  state_ = then;
}

void ChunkedDecoder::step(char c) {
  switch (state_) {
    case State::kSize:
      return size_byte(c);
    case State::kExtension:
      return extension_byte(c);
    case State::kSizeLf:
      return expect(c, '\n', left_ == 0 ? State::kTrailerStart : State::kData, Fault::kChunkSize);
    case State::kDataCr:
      return expect(c, '\r', State::kDataLf, Fault::kChunkEnd);
    case State::kDataLf:
      expect(c, '\n', State::kSize, Fault::kChunkEnd);
      digits_ = 0;
      return;
    case State::kTrailerLf:
      return expect(c, '\n', State::kTrailerStart, Fault::kTrailer);
    case State::kEndLf:
      return expect(c, '\n', State::kEnd, Fault::kTrailer);
    case State::kTrailerStart:
    case State::kTrailerName:
    case State::kTrailerNameBlank:
    case State::kTrailerValue:
      return trailer_byte(c);
    case State::kData:
    case State::kEnd:
    case State::kBad:
      break;
  }
  CHECK(false, "a state that takes no single byte");
}

void ChunkedDecoder::size_byte(char c) {
  if (const int digit = hex_value(c); digit >= 0) {
    if (digits_ == kDigitsMax) return refuse(Fault::kChunkSize);
    if (left_ > kChunkMax >> 4) return refuse(Fault::kChunkOverflow);
    left_ = left_ << 4 | unsigned(digit);
    ++digits_;
    return;
  }
  if (digits_ == 0) return refuse(Fault::kChunkSize);
  if (c == '\r') {
    state_ = State::kSizeLf;
  } else if (c == ';' || is_blank(c)) {
    state_ = State::kExtension;
    part_ = Part::kPadding;
    extension_ = 0;
    extension_byte(c);
  } else {
    refuse(Fault::kChunkSize);
  }
}

// RFC 9112 7.1.1: *( BWS ";" BWS name [ BWS "=" BWS value ] ), where a blank stands before something or not at all.
ChunkedDecoder::Part ChunkedDecoder::behind(Part part, char c) {
  const bool blank = is_blank(c), token = kTokenBytes.has(c);
  switch (part) {
    case Part::kPadding:
    case Part::kValueBlank:
      return blank ? part : c == ';' ? Part::kNameStart : Part::kBad;
    case Part::kNameStart:
      return blank ? part : token ? Part::kName : Part::kBad;
    case Part::kName:
      if (token) return part;
      [[fallthrough]];
    case Part::kNameBlank:
      return blank ? Part::kNameBlank : c == '=' ? Part::kValueStart : c == ';' ? Part::kNameStart : Part::kBad;
    case Part::kValueStart:
      return blank ? part : c == '"' ? Part::kQuoted : token ? Part::kValue : Part::kBad;
    case Part::kValue:
      if (token) return part;
      [[fallthrough]];
    case Part::kQuoteEnd:
      return blank ? Part::kValueBlank : c == ';' ? Part::kNameStart : Part::kBad;
    case Part::kQuoted:
      return c == '\\' ? Part::kEscaped : c == '"' ? Part::kQuoteEnd : part;
    case Part::kEscaped:
      return Part::kQuoted;
    case Part::kBad:
      break;
  }
  return Part::kBad;
}

void ChunkedDecoder::extension_byte(char c) {
  if (c == '\r') return extension_end();
  if (!is_text(c) || ++extension_ > limits_.extension_max || ++extensions_ > limits_.extensions_max) {
    return refuse(Fault::kChunkExtension);
  }
  if (sender_ == Sender::kBackend && part_ != Part::kPadding) return;
  const Part before = part_;
  part_ = behind(part_, c);
  if (part_ == Part::kBad) refuse(before == Part::kPadding ? Fault::kChunkSize : Fault::kChunkExtension);
}

void ChunkedDecoder::extension_end() {
  const bool whole = part_ == Part::kName || part_ == Part::kValue || part_ == Part::kQuoteEnd;
  if (whole || sender_ == Sender::kBackend) {
    state_ = State::kSizeLf;
  } else {
    refuse(part_ == Part::kPadding ? Fault::kChunkSize : Fault::kChunkExtension);
  }
}

void ChunkedDecoder::trailer_byte(char c) {
  if (c == '\r') return trailer_end();
  if (++trailers_ > limits_.trailers_max) return refuse(Fault::kTrailer);
  if (state_ == State::kTrailerValue) {
    if (!is_text(c)) refuse(Fault::kTrailer);
  } else if (kTokenBytes.has(c) && state_ != State::kTrailerNameBlank) {
    state_ = State::kTrailerName;
  } else if (c == ':' && state_ != State::kTrailerStart) {
    state_ = State::kTrailerValue;
  } else if (is_blank(c) && state_ != State::kTrailerStart && sender_ == Sender::kBackend) {
    state_ = State::kTrailerNameBlank;
  } else {
    refuse(Fault::kTrailer);
  }
}

void ChunkedDecoder::trailer_end() {
  if (state_ == State::kTrailerStart) {
    state_ = State::kEndLf;
  } else if (state_ != State::kTrailerValue || ++trailer_fields_ > limits_.trailer_fields_max) {
    refuse(Fault::kTrailer);
  } else {
    state_ = State::kTrailerLf;
  }
}

ChunkHead chunk_head(uint64_t size) {
  DCHECK(size != 0, "a chunk of no bytes would end the body");
  ChunkHead head;
  const unsigned digits = (64 - unsigned(__builtin_clzll(size | 1)) + 3) / 4;
  for (unsigned i = 0; i < digits; ++i) head.bytes[i] = "0123456789abcdef"[size >> 4 * (digits - 1 - i) & 15];
  head.bytes[digits] = '\r';
  head.bytes[digits + 1] = '\n';
  head.size = uint8_t(digits + 2);
  return head;
}

}  // namespace cardea::l7::http
