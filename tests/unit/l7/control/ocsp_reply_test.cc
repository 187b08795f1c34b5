// Replies of OCSP responders, whole and in pieces of one byte.
#include "l7/control/ocsp_reply.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace cardea::l7 {
namespace {

using State = OcspReply::State;

// What it ends with, the responder closing behind `text`.
std::string told(std::string_view text, size_t piece) {
  OcspReply reply;
  State state = State::kNeedMore;
  while (state == State::kNeedMore) {
    const auto room = reply.room();
    const size_t size = std::min({piece, text.size(), room.size()});
    std::copy_n(text.begin(), size, room.begin());
    text.remove_prefix(size);
    state = reply.take(size);
  }
  return state == State::kDone ? "body " + reply.body : reply.why;
}

struct Row {
  std::string text, told;
};

TEST(OcspReply, IsABodyThatIsWholeOrAReason) {
  const std::string ok = "HTTP/1.0 200 OK\r\n";
  const Row rows[] = {
      {ok + "Content-Length: 3\r\n\r\nabc", "body abc"},
      {ok + "Content-Length: 3\r\n\r\nabcdef", "body abc"},
      {ok + "\r\nabc", "body abc"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "body abc"},
      {ok + "Content-Length: 4\r\n\r\nabc", "the responder closed the connection before its answer was whole"},
      {"HTTP/1.0 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", "the responder's reply has the status 302, not 200"},
      {ok + "Content-Length: 32769\r\n\r\n", "the answer is larger than 32 KB"},
      {ok + "\r\n" + std::string(33'000, 'x'), "the answer is larger than 32 KB"},
      {"", "the responder closed the connection before its answer was whole"},
  };
  for (const Row& row : rows)
    for (const size_t piece : {size_t{1}, size_t{100'000}}) EXPECT_EQ(told(row.text, piece), row.told) << row.text.substr(0, 80);
  std::string endless = ok;
  while (endless.size() < 20'000) endless += "X-More: and more of it\r\n";
  EXPECT_TRUE(told(endless, 100'000).starts_with("the responder's reply is no HTTP"));
}

}  // namespace
}  // namespace cardea::l7
