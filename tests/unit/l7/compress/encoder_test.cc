// Whatever goes in, in whatever pieces and with whatever room, comes out of the codings' own decoders again; what was
// flushed can be read before the rest is there; no compressor exceeds the memory that it is paid for.
#include "l7/compress/encoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "tests/unit/l7/compress/decode.h"
#include "tests/unit/l7/runtime/allocations.h"

namespace cardea::l7::compress::test {
namespace {

struct Case {
  Coding coding;
  uint8_t level;
};

std::vector<Case> every_level() {
  std::vector<Case> cases;
  for (const Coding coding : kCodings) {
    for (uint8_t level = levels(coding).min; level <= levels(coding).max; ++level) cases.push_back({coding, level});
  }
  return cases;
}

std::string text_of(const Case& of) {
  return std::string(name(of.coding)) + " " + std::to_string(of.level);
}

// Words that come again, numbers that do not, and a part of noise.
std::string body_of(std::mt19937& random, size_t size) {
  static constexpr std::string_view kWords[] = {"<div class=\"item\">", "</div>\n", "\"price\": ", "the ", "balance "};
  std::string body;
  while (body.size() < size) {
    const uint32_t draw = random();
    if (draw % 16 == 0) {
      for (int i = 0; i < 40; ++i) body += char(random());
    } else if (draw % 3 == 0) {
      body += std::to_string(random());
    } else {
      body += kWords[draw % std::size(kWords)];
    }
  }
  body.resize(size);
  return body;
}

// As a room of the proxy does it: in turns, with room that is often too small.
void put(Encoder& encoder, std::string_view input, Encoder::Until until, size_t room_size, std::string& out) {
  std::string room(room_size, '\0');
  do {
    std::string_view turn = input.substr(0, encoder.turn_bytes());
    input.remove_prefix(turn.size());
    Encoder::Step step{Encoder::State::kNeedsRoom};
    while (step.state == Encoder::State::kNeedsRoom) {
      step = encoder.step(turn, {room.data(), room.size()}, input.empty() ? until : Encoder::Until::kMore);
      out.append(room, 0, step.made);
      turn.remove_prefix(step.taken);
    }
    ASSERT_EQ(step.state, Encoder::State::kDone);
    ASSERT_EQ(turn, "");
  } while (!input.empty());
}

TEST(Encoder, WhatGoesInComesOutInAnyPieces) {
  for (const Case& of : every_level()) {
    auto encoder = make_encoder(of.coding, of.level);
    for (uint32_t seed = 0; seed < 12; ++seed) {
      SCOPED_TRACE(text_of(of) + " seed " + std::to_string(seed));
      std::mt19937 random(seed);
      const std::string body = body_of(random, random() % (seed % 3 == 0 ? 300'000 : 5'000));
      ASSERT_TRUE(encoder->begin(seed % 2 ? std::optional<uint64_t>(body.size()) : std::nullopt));
      std::string out;
      for (std::string_view left = body; !left.empty();) {
        const std::string_view piece = left.substr(0, 1 + random() % 20'000);
        put(*encoder, piece, random() % 4 ? Encoder::Until::kMore : Encoder::Until::kFlushed, 1 + random() % 3000, out);
        left.remove_prefix(piece.size());
      }
      put(*encoder, {}, Encoder::Until::kEnd, 1 + random() % 3000, out);
      EXPECT_TRUE(decode(of.coding, out) == body);
    }
  }
}

TEST(Encoder, ABodyOfNothingIsOne) {
  for (const Case& of : every_level()) {
    auto encoder = make_encoder(of.coding, of.level);
    std::string out;
    ASSERT_TRUE(encoder->begin(std::nullopt));
    put(*encoder, {}, Encoder::Until::kEnd, 100, out);
    EXPECT_EQ(decode(of.coding, out), "") << text_of(of);
  }
}

TEST(Encoder, WhatWasFlushedCanBeRead) {
  for (const Case& of : every_level()) {
    SCOPED_TRACE(text_of(of));
    auto encoder = make_encoder(of.coding, of.level);
    ASSERT_TRUE(encoder->begin(std::nullopt));
    std::string out, said;
    for (const std::string event : {"data: one\n\n", "data: two\n\n", "data: three\n\n"}) {
      put(*encoder, event, Encoder::Until::kFlushed, 4096, out);
      said += event;
      EXPECT_EQ(decode_begun(of.coding, out), said);
      EXPECT_EQ(decode(of.coding, out), std::nullopt);
    }
  }
}

TEST(Encoder, TakesNoMoreMemoryThanItIsPaidFor) {
  std::mt19937 random(7);
  const std::string body = body_of(random, 3'000'000);
  for (const Case& of : every_level()) {
    SCOPED_TRACE(text_of(of));
    auto encoder = make_encoder(of.coding, of.level);
    size_t most = 0;
    for (const size_t size : {size_t{1}, size_t{2'000}, size_t{100'000}, body.size()}) {
      for (const bool known : {true, false}) {
        std::string out;
        ASSERT_TRUE(encoder->begin(known ? std::optional<uint64_t>(size) : std::nullopt));
        put(*encoder, std::string_view(body).substr(0, size), Encoder::Until::kEnd, 16'384, out);
        ASSERT_EQ(decode(of.coding, out).value_or("").size(), size);
        most = std::max(most, encoder->memory());
      }
    }
    EXPECT_LE(most, memory_max(of.coding, of.level));
    EXPECT_GE(most * 10 / 9, memory_max(of.coding, of.level)) << "paid for much more than " << most;
  }
}

TEST(Encoder, TheSecondBodyAllocatesNothing) {
  std::mt19937 random(3);
  const std::string body = body_of(random, 40'000);
  std::string room(64 * 1024, '\0');
  for (const Case& of : every_level()) {
    auto encoder = make_encoder(of.coding, of.level);
    const auto whole = [&] {
      ASSERT_TRUE(encoder->begin(body.size()));
      for (std::string_view left = body; !left.empty();) {
        const std::string_view turn = left.substr(0, encoder->turn_bytes());
        const bool last = turn.size() == left.size();
        const auto step = encoder->step(turn, room, last ? Encoder::Until::kEnd : Encoder::Until::kMore);
        ASSERT_EQ(step.state, Encoder::State::kDone);
        left.remove_prefix(turn.size());
      }
    };
    whole();
    whole();
    const uint64_t before = allocations();
    whole();
    EXPECT_EQ(allocations() - before, 0u) << text_of(of);
  }
}

}  // namespace
}  // namespace cardea::l7::compress::test
