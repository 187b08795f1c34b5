#include "base/ticket_key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "tests/unit/base/scratch_folder.h"

namespace cardea {
namespace {

using testing::HasSubstr;

// 80 bytes of one value, in base64.
std::string key_of(unsigned char value) {
  unsigned char bytes[80], text[109];
  std::fill(std::begin(bytes), std::end(bytes), value);
  EVP_EncodeBlock(text, bytes, sizeof bytes);
  return reinterpret_cast<const char*>(text);
}

TEST(TicketKeyFile, EachLineIsAKeyInTheOrderOfTheFile) {
  const auto keys = parse_ticket_keys("# of this month\n" + key_of(7) + "\n\n  " + key_of(8) + " \r\n" + key_of(9));
  ASSERT_TRUE(keys) << keys.error().message;
  ASSERT_EQ(keys->keys().size(), 3u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(std::ranges::all_of(keys->keys()[i], [&](uint8_t byte) { return byte == 7 + i; }));
}

TEST(TicketKeyFile, WhatIsNoKeyIsToldByItsLineAndNotByItsText) {
  for (const std::string& bad : {std::string("secret"), key_of(1).substr(1), key_of(1) + "A", std::string(108, '!'),
                                 std::string(108, 'A'), key_of(1).replace(106, 2, "==")}) {
    const auto keys = parse_ticket_keys(key_of(2) + "\n" + bad + "\n");
    ASSERT_FALSE(keys) << bad;
    EXPECT_THAT(keys.error().message, HasSubstr("line 2: no key"));
    EXPECT_THAT(keys.error().message, testing::Not(HasSubstr(bad.substr(0, 6))));
  }
  EXPECT_FALSE(parse_ticket_keys(""));
  EXPECT_FALSE(parse_ticket_keys("# none\n"));
}

TEST(TicketKeyFile, MoreThanThereIsRoomForIsRefused) {
  std::string text;
  for (size_t i = 0; i < kTicketKeysInFile; ++i) text += key_of(uint8_t(i)) + "\n";
  EXPECT_TRUE(parse_ticket_keys(text));
  const auto keys = parse_ticket_keys(text + key_of(99));
  ASSERT_FALSE(keys);
  EXPECT_THAT(keys.error().message, HasSubstr("more than 16"));
}

TEST(TicketKeyFile, AFileThatAnybodyMayReadIsRefused) {
  const ScratchFolder folder;
  const std::string path = folder.file("tickets");
  EXPECT_FALSE(read_ticket_keys(path)) << "there is none";
  std::ofstream(path) << key_of(1) << '\n';
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  const auto open = read_ticket_keys(path);
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr("chmod o= " + path));
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_TRUE(read_ticket_keys(path));
}

TEST(TicketKeyFile, WhatIsNoFileOfKeysIsRefusedAndNotWaitedFor) {
  const ScratchFolder folder;
  const std::string fifo = folder.file("fifo"), large = folder.file("large");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::ofstream(large) << std::string(100'000, '#') << '\n' << key_of(1) << '\n';
  ASSERT_EQ(::chmod(large.c_str(), 0600), 0);
  for (const std::string& path : {fifo, large, std::string("/dev/zero"), std::string("/tmp")}) {
    const auto keys = read_ticket_keys(path);
    ASSERT_FALSE(keys) << path;
    EXPECT_THAT(keys.error().message, HasSubstr("no file of at most 65536 bytes")) << path;
  }
}

}  // namespace
}  // namespace cardea
