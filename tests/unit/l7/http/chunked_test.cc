// The chunked coding: rows of bodies that are read in one way or refused, fed whole and byte by byte, and random bodies
// that come back as they were encoded, however they are cut.
#include <gtest/gtest.h>

#include <random>

#include "l7/http/body.h"

namespace cardea::l7::http {
namespace {

using namespace std::string_literals;
using State = BodyStep::State;

struct Outcome {
  std::string data;
  std::string word;  // "end", "need_more", or the fault's
  size_t consumed = 0;
  std::string trailers{};
  bool operator==(const Outcome&) const = default;
};

template <typename Reader>
Outcome run(Reader reader, std::string_view bytes, size_t piece) {
  Outcome outcome;
  size_t visible = std::min(piece, bytes.size());
  for (;;) {
    const BodyStep step = reader.next(bytes.substr(outcome.consumed, visible - outcome.consumed));
    outcome.consumed += step.consumed;
    (step.state == State::kTrailers ? outcome.trailers : outcome.data) += step.data;
    if (step.state == State::kEnd) return outcome.word = "end", outcome;
    if (step.state == State::kBad) {
      outcome.word = word(step.fault);
      outcome.trailers.clear();  // what came of them before the fault is nobody's
      return outcome;
    }
    if (step.state == State::kData || step.state == State::kTrailers) continue;
    if (visible == bytes.size()) return outcome.word = "need_more", outcome;
    visible = std::min(visible + piece, bytes.size());
  }
}

struct Row {
  const char* name;
  std::string bytes;
  const char* word;
  const char* data;
};

const Row kRows[] = {
    {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "end", "hello"},
    {"two chunks", "1\r\nh\r\nA\r\n0123456789\r\n0\r\n\r\n", "end", "h0123456789"},
    {"capital and small digits", "b\r\n01234567890\r\nB\r\n01234567890\r\n0\r\n\r\n", "end", "0123456789001234567890"},
    {"no chunks", "0\r\n\r\n", "end", ""},
    {"leading zeros", "0000000000000005\r\nhello\r\n0\r\n\r\n", "end", "hello"},
    {"seventeen digits", "00000000000000005\r\nhello\r\n0\r\n\r\n", "chunk_size", ""},
    {"several zeros end it too", "000\r\n\r\n", "end", ""},
    {"no size", "\r\nhello", "chunk_size", ""},
    {"0x", "0x5\r\nhello\r\n0\r\n\r\n", "chunk_size", ""},
    {"plus", "+5\r\nhello", "chunk_size", ""},
    {"minus", "-5\r\nhello", "chunk_size", ""},
    {"space before", " 5\r\nhello", "chunk_size", ""},
    {"space behind", "5 \r\nhello", "chunk_size", ""},
    {"underscore", "1_0\r\nhello", "chunk_size", ""},
    {"bare LF behind the size", "5\nhello\r\n0\r\n\r\n", "chunk_size", ""},
    {"CR alone behind the size", "5\rhello\r\n0\r\n\r\n", "chunk_size", ""},
    {"CR CR LF behind the size", "5\r\r\nhello", "chunk_size", ""},
    {"overflow", "ffffffffffffffff\r\nx", "chunk_overflow", ""},
    {"2^64 + 5 by seventeen digits", "10000000000000005\r\nhello", "chunk_size", ""},
    {"2^63", "8000000000000000\r\nhello", "chunk_overflow", ""},
    {"blanks before the semicolon", "5 \t;a\r\nhello\r\n0\r\n\r\n", "end", "hello"},
    {"blanks wherever they may be", "5 ; a = b ;\tc\t=\"d\" ; e\r\nhello\r\n0\r\n\r\n", "end", "hello"},
    {"blanks and nothing behind them", "5 ; a \r\nhello", "chunk_extension", ""},
    {"blanks behind a value", "5;a=b \r\nhello", "chunk_extension", ""},
    {"two sizes", "5 5;a\r\nhello", "chunk_size", ""},
    {"semicolon and no name", "5;\r\nhello", "chunk_extension", ""},
    {"no name before the second", "5;;a\r\nhello", "chunk_extension", ""},
    {"no name before the equals sign", "5;=\r\nhello", "chunk_extension", ""},
    {"a value without a name", "5;=a\r\nhello", "chunk_extension", ""},
    {"no value", "5;a=\r\nhello", "chunk_extension", ""},
    {"no value before the next", "5;a=;b\r\nhello", "chunk_extension", ""},
    {"two values", "5;a=b=c\r\nhello", "chunk_extension", ""},
    {"two names", "5;a b\r\nhello", "chunk_extension", ""},
    {"something behind the quotes", "5;a=\"b\"c\r\nhello", "chunk_extension", ""},
    {"quotes for a name", "5;\"a\"\r\nhello", "chunk_extension", ""},
    {"quotes that do not end", "5;a=\"b\r\nhello", "chunk_extension", ""},
    {"quotes that end escaped", "5;a=\"b\\\"\r\nhello", "chunk_extension", ""},
    {"longest extension", "5;" + std::string(255, 'a') + "\r\nhello\r\n0\r\n\r\n", "end", "hello"},
    {"extension", "5;a=b\r\nhello\r\n0\r\n\r\n", "end", "hello"},
    {"quoted extension", "5;a=\"b;\\\"c\"\r\nhello\r\n0\r\n\r\n", "end", "hello"},
    {"extension of the last chunk", "0;a\r\n\r\n", "end", ""},
    {"extension with bare LF", "5;a\nhello\r\n0\r\n\r\n", "chunk_extension", ""},
    {"extension with LF in quotes", "5;a=\"\n\"\r\nhello", "chunk_extension", ""},
    {"extension with CR LF in quotes", "5;a=\"\r\n0\r\n\r\n", "chunk_extension", ""},
    {"extension with NUL", "5;\0\r\nhello"s, "chunk_extension", ""},
    {"extension with a slash", "5;a/b\r\nhello", "chunk_extension", ""},
    {"long extension", "5;" + std::string(256, 'a') + "\r\nhello", "chunk_extension", ""},
    {"data too long", "5\r\nhello!\r\n0\r\n\r\n", "chunk_end", "hello"},
    {"bare LF behind the data", "5\r\nhello\n0\r\n\r\n", "chunk_end", "hello"},
    {"CR alone behind the data", "5\r\nhello\r0\r\n\r\n", "chunk_end", "hello"},
    {"trailers", "0\r\nX: 1\r\nY:\r\n\r\n", "end", ""},
    {"trailer without colon", "0\r\nX\r\n\r\n", "trailer", ""},
    {"trailer with space before colon", "0\r\nX : 1\r\n\r\n", "trailer", ""},
    {"trailer without name", "0\r\n: 1\r\n\r\n", "trailer", ""},
    {"folded trailer", "0\r\nX: 1\r\n 2\r\n\r\n", "trailer", ""},
    {"trailer with bare LF", "0\r\nX: 1\n\r\n", "trailer", ""},
    {"trailer with NUL", "0\r\nX: \0\r\n\r\n"s, "trailer", ""},
    {"bare LF at the end", "0\r\n\n", "trailer", ""},
    {"next request instead of the end", "0\r\nGET / HTTP/1.1\r\n", "trailer", ""},
    {"large trailers", "0\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", "trailer", ""},
    {"not at the end", "5\r\nhello\r\n0\r\n", "need_more", "hello"},
    {"in the data", "5\r\nhel", "need_more", "hel"},
};

// What a client may not send and a backend may: nothing of it is sent on.
const Row kForgiven[] = {
    {"padded size", "5  \r\nhello\r\n0 \t\r\n\r\n", "end", "hello"},
    {"two sizes", "5 5\r\nhello", "chunk_size", ""},
    {"blank before the size", " 5\r\nhello", "chunk_size", ""},
    {"any extension", "5;=;a=\"b /\r\nhello\r\n0;\r\n\r\n", "end", "hello"},
    {"extension with NUL", "5;\0\r\nhello"s, "chunk_extension", ""},
    {"extension with bare LF", "5;a\nhello\r\n0\r\n\r\n", "chunk_extension", ""},
    {"long extension", "5;" + std::string(256, 'a') + "\r\nhello", "chunk_extension", ""},
    {"bare LF behind the size", "5\nhello\r\n0\r\n\r\n", "chunk_size", ""},
    {"CR alone behind the padding", "5 \rhello", "chunk_size", ""},
    {"bare LF behind the data", "5\r\nhello\n0\r\n\r\n", "chunk_end", "hello"},
    {"trailer with blanks before its colon", "0\r\nX \t: 1\r\n\r\n", "end", ""},
    {"trailer with a blank in its name", "0\r\nX\ty: 1\r\n\r\n", "trailer", ""},
    {"trailers with blanks before their colons", "0;a\r\nX : 1\r\nY : 2\r\n\r\n", "end", ""},
    {"trailer without colon", "0\r\nX \r\n\r\n", "trailer", ""},
    {"folded trailer", "0\r\nX: 1\r\n 2\r\n\r\n", "trailer", ""},
};

TEST(ChunkedDecoder, ForgivesABackendWhatNobodyBehindUsSees) {
  for (const Row& row : kForgiven) {
    const ChunkedDecoder decoder(Sender::kBackend);
    const Outcome whole = run(decoder, row.bytes, row.bytes.size());
    EXPECT_EQ(whole.word, row.word) << row.name;
    EXPECT_EQ(whole.data, row.data) << row.name;
    for (const size_t piece : {1, 2, 3, 7}) EXPECT_EQ(run(decoder, row.bytes, piece), whole) << row.name << " by " << piece;
  }
}

TEST(ChunkedDecoder, EveryRowWholeAndInPieces) {
  for (const Row& row : kRows) {
    const Outcome whole = run(ChunkedDecoder(), row.bytes, row.bytes.size());
    EXPECT_EQ(whole.word, row.word) << row.name;
    EXPECT_EQ(whole.data, row.data) << row.name;
    for (const size_t piece : {1, 2, 3, 7})
      EXPECT_EQ(run(ChunkedDecoder(), row.bytes, piece), whole) << row.name << " by " << piece;
  }
}

TEST(ChunkedDecoder, GivesTrailersOutAsTheyCame) {
  const std::string lines = "X-Sum: 9\r\nY:\r\nz-long:\t a b \r\n", body = "1\r\nx\r\n0;a=b\r\n" + lines + "\r\n";
  for (size_t piece = 1; piece <= body.size(); ++piece)
    EXPECT_EQ(run(ChunkedDecoder(), body + "GET", piece), (Outcome{"x", "end", body.size(), lines})) << piece;
}

TEST(ChunkedDecoder, BoundsTheNumberOfTrailers) {
  std::string lines;
  for (int i = 0; i < 64; ++i) lines += "X:\r\n";
  EXPECT_EQ(run(ChunkedDecoder(), "0\r\n" + lines + "\r\n", 5000).word, "end");
  EXPECT_EQ(run(ChunkedDecoder(), "0\r\n" + lines + "X:\r\n\r\n", 5000).word, "trailer");
}

TEST(ChunkedDecoder, LeavesTheNextMessage) {
  const std::string body = "5\r\nhello\r\n0\r\n\r\n";
  for (size_t piece = 1; piece <= 60; ++piece) {
    EXPECT_EQ(run(ChunkedDecoder(), body + "GET / HTTP/1.1\r\n\r\n", piece).consumed, body.size());
  }
}

TEST(ChunkedDecoder, BoundsTheSumOfExtensions) {
  std::string body;
  for (int i = 0; i < 200; ++i) body += "1;" + std::string(200, 'a') + "\r\nx\r\n";
  EXPECT_EQ(run(ChunkedDecoder(), body + "0\r\n\r\n", body.size()).word, "chunk_extension");
}

TEST(ChunkedDecoder, ReadsWhatTheEncoderWrote) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string data, encoded;
    for (unsigned chunks = random() % 6; chunks != 0; --chunks) {
      std::string chunk(1 + random() % (round % 10 == 0 ? 70000 : 40), '\0');
      for (char& c : chunk) c = char(random());
      data += chunk;
      encoded.append(chunk_head(chunk.size()).text()).append(chunk).append(kChunkEnd);
    }
    encoded += kLastChunk;
    EXPECT_EQ(run(ChunkedDecoder(), encoded, 1 + random() % 100), (Outcome{data, "end", encoded.size()}));
  }
}

// Who asks again, to see whether a connection can go on behind the body, is told the same.
TEST(ChunkedDecoder, StaysBadAndStaysEnded) {
  ChunkedDecoder bad;
  for (const char* more : {"xyz", "xyz", "", "5\r\nabcde\r\n"}) {
    const BodyStep step = bad.next(more);
    EXPECT_EQ(step.state, BodyStep::State::kBad) << more;
    EXPECT_EQ(step.fault, Fault::kChunkSize);
    EXPECT_EQ(step.consumed, 0u);
  }
  ChunkedDecoder ended;
  EXPECT_EQ(ended.next("0\r\n\r\nGET").state, BodyStep::State::kEnd);
  EXPECT_EQ(ended.next("GET").state, BodyStep::State::kEnd);
}

TEST(ChunkHead, WritesEverySize) {
  EXPECT_EQ(chunk_head(1).text(), "1\r\n");
  EXPECT_EQ(chunk_head(16).text(), "10\r\n");
  EXPECT_EQ(chunk_head(0xabcdef).text(), "abcdef\r\n");
  EXPECT_EQ(chunk_head(UINT64_MAX).text(), "ffffffffffffffff\r\n");
}

TEST(BodyReader, TakesALengthAndNoByteMore) {
  for (const size_t piece : {1, 3, 100}) {
    EXPECT_EQ(run(BodyReader({BodyKind::kLength, 5}), "helloGET /", piece), (Outcome{"hello", "end", 5}));
    EXPECT_EQ(run(BodyReader({BodyKind::kLength, 0}), "GET /", piece), (Outcome{"", "end", 0}));
    EXPECT_EQ(run(BodyReader({BodyKind::kNone}), "GET /", piece), (Outcome{"", "end", 0}));
    EXPECT_EQ(run(BodyReader({BodyKind::kUntilClose}), "hello", piece), (Outcome{"hello", "need_more", 5}));
  }
}

TEST(BodyReader, KnowsWhetherACloseIsTheEnd) {
  EXPECT_TRUE(BodyReader({BodyKind::kUntilClose}).close_is_end());
  EXPECT_TRUE(BodyReader({BodyKind::kNone}).close_is_end());
  EXPECT_FALSE(BodyReader({BodyKind::kChunked}).close_is_end());
  EXPECT_FALSE(BodyReader({BodyKind::kLength, 5}).close_is_end());
}

}  // namespace
}  // namespace cardea::l7::http
