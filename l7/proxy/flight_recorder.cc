#include "l7/proxy/flight_recorder.h"

#include <algorithm>

#include "l7/proxy/log_line.h"
#include "l7/proxy/record.h"

namespace cardea::l7::proxy {

struct FlightRecorder::Story {
  uint32_t size;
  Instant ended;
  std::chrono::nanoseconds took;
  std::array<char, kBytes> text;
};

namespace {

template <typename Story, size_t kSize>
struct Ring {
  std::unique_ptr<std::array<Story, kSize>> stories = std::make_unique_for_overwrite<std::array<Story, kSize>>();
  uint64_t count = 0;  // that there have been

  Story& next() { return (*stories)[count++ % kSize]; }
  size_t size() const { return size_t(std::min<uint64_t>(count, kSize)); }
  const Story& oldest(size_t i) const { return (*stories)[count <= kSize ? i : (count + i) % kSize]; }
};

bool is_tunnel(const Record& record) {
  return record.status == 101 || record.protocol == "tcp";
}

bool failed(const Record& record) {
  return record.status >= 500 || (record.reason != word(Reason::kOk) && record.origin == Origin::kBackend);
}

void put_tried(LogLine& line, const Record& record, const TriedBackend* last) {
  if (last == nullptr) return;
  put_tried(line, record, last->before);
  line.raw(last->before == nullptr ? "{\"backend\":" : ",{\"backend\":");
  line.quoted(last->backend);
  line.raw(",\"choice\":");
  line.quoted(last->choice);
  line.raw(last->reused ? ",\"reused\":true,\"result\":" : ",\"reused\":false,\"result\":");
  line.quoted(last->reason);
  line.raw(",\"detail\":");
  line.quoted(last->detail);
  for (const auto& [name, when] : {std::pair(",\"began_ms\":", last->began), std::pair(",\"ended_ms\":", last->ended)}) {
    line.raw(name);
    line.milliseconds(when - record.began);
  }
  line.raw("}");
}

// Without its end, so that more may follow.
void put_fields(LogLine& line, RecordFields& fields, bool all) {
  static const LineFormat kFormat = *parse_line_format("json");
  for (const LineFormat::Piece& piece : kFormat.pieces) {
    using enum ExchangeField;
    const bool strangers = piece.field == kPath || piece.field == kQuery || piece.field == kUserAgent ||
                           piece.field == kReferer || piece.field == kHost;
    if (all || !strangers) line.json(piece.before, row_of(piece.field).kind, fields.value(piece.field));
  }
}

}  // namespace

struct FlightRecorder::Shelf {
  Ring<Story, FlightRecorder::kFailed> failed;
  Ring<Story, FlightRecorder::kRefused> refused;
  Ring<Story, FlightRecorder::kSlow> slow;
  // While the slow ones are all there and fresh, who was not slower than this is not compared with each.
  std::chrono::nanoseconds slow_bar{-1};
  Instant slow_bar_until{};
};

FlightRecorder::FlightRecorder() : shelf_(std::make_unique<Shelf>()) {}
FlightRecorder::~FlightRecorder() = default;

// What a stranger made too long to be kept is left out; the rest has bounds of its own.
void FlightRecorder::put(Story& story, const Record& record) {
  RecordFields fields(record);
  for (const bool all : {true, false}) {
    LogLine line;
    put_fields(line, fields, all);
    line.raw(",\"tried\":[");
    put_tried(line, record, record.tried);
    line.raw("]}");
    const std::string_view text = line.finish();
    story.size = uint32_t(std::min(text.size(), kBytes));
    std::ranges::copy(text.substr(0, story.size), story.text.begin());
    if (text.size() <= kBytes) break;
  }
  story.ended = record.ended;
  story.took = record.ended - record.began;
}

// Null: those that are there were slower.
FlightRecorder::Story* FlightRecorder::place_among_slow(const Record& record) {
  const auto took = record.ended - record.began;
  if (took <= shelf_->slow_bar && record.ended < shelf_->slow_bar_until) return nullptr;
  auto& slow = shelf_->slow;
  if (slow.size() < kSlow) return &slow.next();
  const auto rank = [&](const Story& story) {
    return record.ended - story.ended > kSlowFor ? std::chrono::nanoseconds(-1) : story.took;
  };
  Story& least = *std::ranges::min_element(*slow.stories, {}, rank);
  shelf_->slow_bar = rank(least);
  shelf_->slow_bar_until = std::ranges::min_element(*slow.stories, {}, &Story::ended)->ended + kSlowFor;
  return rank(least) < took ? &least : nullptr;
}

void FlightRecorder::note(const Record& record) {
  if (failed(record)) return put(shelf_->failed.next(), record);
  if (record.reason != word(Reason::kOk)) return put(shelf_->refused.next(), record);
  if (is_tunnel(record)) return;
  if (Story* place = place_among_slow(record)) put(*place, record);
}

void FlightRecorder::each(const std::function<void(Kind, std::string_view)>& see) const {
  const auto all = [&see](Kind kind, const auto& ring) {
    for (size_t i = 0; i < ring.size(); ++i) {
      const Story& story = ring.oldest(i);
      see(kind, {story.text.data(), story.size});
    }
  };
  all(Kind::kFailed, shelf_->failed);
  all(Kind::kRefused, shelf_->refused);
  all(Kind::kSlow, shelf_->slow);
}

std::string_view word(FlightRecorder::Kind kind) {
  switch (kind) {
    case FlightRecorder::Kind::kFailed:
      return "failed";
    case FlightRecorder::Kind::kRefused:
      return "refused";
    case FlightRecorder::Kind::kSlow:
      return "slow";
  }
  return "";
}

}  // namespace cardea::l7::proxy
