#include "l7/proxy/pieces.h"

#include "base/check.h"

namespace cardea::l7::proxy {

void Pieces::add(std::string_view text) {
  if (text.empty()) return;
  DCHECK(count_ < all_.size(), "a message has a bounded number of pieces");
  all_[count_++] = {const_cast<char*>(text.data()), text.size()};
}

void Pieces::add_body(std::string_view body, bool chunked) {
  if (body.empty()) return;
  if (chunked) {
    chunk_ = http::chunk_head(body.size());
    add({chunk_.bytes.data(), chunk_.size});
  }
  add(body);
  if (chunked) add(http::kChunkEnd);
}

Pieces::State Pieces::gather(http::BodyReader& reader, std::string_view input, bool chunked) {
  const size_t head_at = count_;
  if (chunked) ++count_;  // the chunk's head, when its size is known
  body_at_ = count_;
  consumed_ = body_bytes_ = 0;
  trailers_ = {};
  State state = State::kMorePieces;
  while (state == State::kMorePieces && count_ - body_at_ < kBodyMax) {
    const http::BodyStep step = reader.next(input.substr(consumed_));
    consumed_ += step.consumed;
    if (step.state == http::BodyStep::State::kData) {
      add(step.data);
      body_bytes_ += step.data.size();
      if (reader.at_end()) state = State::kEnd;
    } else if (step.state == http::BodyStep::State::kTrailers) {
      trailers_ = step.data;  // all there are in this input are one piece
    } else {
      state = step.state == http::BodyStep::State::kEnd    ? State::kEnd
              : step.state == http::BodyStep::State::kBad ? State::kBad
                                                           : State::kMoreInput;
      fault_ = step.fault;
    }
  }
  body_count_ = count_ - body_at_;
  if (!chunked) return state;
  if (body_bytes_ != 0) {
    chunk_ = http::chunk_head(body_bytes_);
    all_[head_at] = {chunk_.bytes.data(), chunk_.size};
    add(http::kChunkEnd);
  } else {
    count_ = head_at;
  }
  return state;
}

}  // namespace cardea::l7::proxy
