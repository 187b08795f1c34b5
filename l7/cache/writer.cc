#include "l7/cache/writer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.h"
#include "l7/cache/stored_head.h"

namespace cardea::l7::cache {
namespace {

constexpr uint64_t kPieceMin = 4096, kPieceMax = 64 * 1024;

class WholeWriter final : public Writer {
 public:
  WholeWriter(Memory& memory, Object* object, uint64_t removals_before)
      : memory_(memory), object_(object), room_(object->body_size()), removals_before_(removals_before) {}

  bool append(std::string_view body) override {
    if (!object_ || body.size() > room_ - written_) return false;
    if (!body.empty()) std::memcpy(object_->inline_body() + written_, body.data(), body.size());
    written_ += body.size();
    return true;
  }
  bool finish() override { return object_ && written_ == room_ && memory_.link(object_.release(), removals_before_); }

 private:
  struct LetGo {
    void operator()(Object* object) const { object->let_go(); }
  };
  Memory& memory_;
  std::unique_ptr<Object, LetGo> object_;
  uint64_t room_, written_ = 0, removals_before_;
};

class PieceWriter final : public Writer {
 public:
  // `draft_cost` has been taken.
  PieceWriter(Memory& memory, Draft draft, uint64_t draft_cost)
      : memory_(memory), draft_(std::move(draft)), draft_cost_(draft_cost) {}
  ~PieceWriter() override {
    drop_pieces();
    memory_.ledger()->give(draft_cost_);
  }

  bool append(std::string_view body) override {
    if (failed_) return false;
    while (!body.empty()) {
      if (room_ == 0 && !add_piece()) return fail();
      const size_t taken = std::min<size_t>(body.size(), room_);
      iovec& piece = pieces_.back();
      std::memcpy(static_cast<char*>(piece.iov_base) + piece.iov_len, body.data(), taken);
      piece.iov_len += taken, room_ -= taken, size_ += taken;
      body.remove_prefix(taken);
    }
    if (size_ <= memory_.object_bytes_max()) return true;
    memory_.count_refused();
    return fail();
  }

  bool finish() override {
    if (failed_) return false;
    end_stored_head(draft_.head, size_);
    const bool one_piece = size_ <= kPieceMax;
    Object* const object = memory_.create(draft_.content(), one_piece ? size_ : 0);
    bool kept = false;
    if (object != nullptr) {
      if (one_piece) {
        copy_into(object->inline_body());
      } else {
        object->adopt_pieces(std::exchange(pieces_, {}), size_, std::exchange(cost_, 0));
      }
      kept = memory_.link(object, draft_.removals_before);
    }
    fail();  // nothing may be added any more
    return kept;
  }

 private:
  bool add_piece() {
    const uint64_t bytes = std::clamp(size_, kPieceMin, kPieceMax);
    if (!memory_.take(heap_cost(bytes))) return false;
    cost_ += heap_cost(bytes);
    pieces_.push_back({std::malloc(bytes), 0});
    CHECK(pieces_.back().iov_base != nullptr, "the host has no memory left");
    room_ = bytes;
    return true;
  }
  bool fail() {
    failed_ = true;
    drop_pieces();
    return false;
  }
  void drop_pieces() {
    for (const iovec& piece : pieces_) std::free(piece.iov_base);
    pieces_.clear();
    memory_.ledger()->give(std::exchange(cost_, 0));
  }
  void copy_into(char* to) const {
    for (const iovec& piece : pieces_) {
      std::memcpy(to, piece.iov_base, piece.iov_len);
      to += piece.iov_len;
    }
  }

  Memory& memory_;
  Draft draft_;
  std::vector<iovec> pieces_;
  uint64_t size_ = 0, room_ = 0, cost_ = 0;  // room in the last piece; what the ledger was charged
  const uint64_t draft_cost_;
  bool failed_ = false;
};

}  // namespace

std::unique_ptr<Writer> make_writer(Memory& memory, Draft draft, http::BodyFraming body) {
  if (body.kind != http::BodyKind::kLength) {
    const uint64_t cost = Object::cost(draft.content(), 0);  // of its texts, which grow to an object's at the end
    if (!memory.take(cost)) return nullptr;
    return std::make_unique<PieceWriter>(memory, std::move(draft), cost);
  }
  if (body.length > memory.object_bytes_max()) {
    memory.count_refused();
    return nullptr;
  }
  end_stored_head(draft.head, body.length);
  Object* const object = memory.create(draft.content(), body.length);
  if (object == nullptr) return nullptr;
  return std::make_unique<WholeWriter>(memory, object, draft.removals_before);
}

}  // namespace cardea::l7::cache
