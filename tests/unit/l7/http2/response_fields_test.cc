#include "l7/http2/response_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cardea::l7::http2 {
namespace {

using testing::ElementsAre;

std::vector<std::string> fields_of(std::string text) {
  ResponseFields fields;
  std::vector<std::string> all;
  for (const nghttp2_nv& nv : fields.of(text)) {
    const std::string_view name(reinterpret_cast<const char*>(nv.name), nv.namelen);
    const std::string_view value(reinterpret_cast<const char*>(nv.value), nv.valuelen);
    all.push_back(std::string(name) + "=" + std::string(value) +
                  (nv.flags & NGHTTP2_NV_FLAG_NO_INDEX ? " secret" : ""));
  }
  return all;
}

TEST(ResponseFields, AreTheHeadsLinesInLowerCaseBehindTheStatus) {
  EXPECT_THAT(fields_of("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nX-Time: 12:30\r\nX-Empty: \r\n\r\n"),
              ElementsAre(":status=404", "content-type=text/plain", "x-time=12:30", "x-empty="));
}

TEST(ResponseFields, HaveNothingOfAConnection) {
  EXPECT_THAT(
      fields_of("HTTP/1.1 200 OK\r\nConnection: close\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n"
                "Upgrade: h2c\r\nProxy-Connection: x\r\nHTTP2-Settings: x\r\nVia: 1.1 cardea\r\n\r\n"),
      ElementsAre(":status=200", "via=1.1 cardea"));
}

TEST(ResponseFields, ASecretIsNotPutIntoTheTable) {
  EXPECT_THAT(fields_of("HTTP/1.1 200 OK\r\nSet-Cookie: id=1\r\n\r\n"),
              ElementsAre(":status=200", "set-cookie=id=1 secret"));
}

}  // namespace
}  // namespace cardea::l7::http2
