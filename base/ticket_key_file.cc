#include "base/ticket_key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/file_descriptor.h"

namespace cardea {
namespace {

using Key = TicketKeyTexts::Key;
constexpr size_t kFileBytesMax = 64 * 1024;  // sixteen lines of it are keys
constexpr size_t kTextBytes = (kTicketKeyBytes + 2) / 3 * 4;  // with one "=" behind them

std::optional<Key> parse_key(std::string_view line) {
  if (line.size() != kTextBytes || !line.ends_with('=') || line[kTextBytes - 2] == '=') return std::nullopt;
  std::array<unsigned char, kTextBytes / 4 * 3> bytes{};
  const int count =
      EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(line.data()), int(line.size()));
  std::optional<Key> key;
  if (count == int(bytes.size())) std::copy_n(bytes.begin(), kTicketKeyBytes, key.emplace().begin());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

std::string_view without_blanks(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r"), last = line.find_last_not_of(" \t\r");
  return first == line.npos ? std::string_view() : line.substr(first, last - first + 1);
}

Result<> add_line(TicketKeyTexts& keys, std::string_view line) {
  if (line.empty() || line.front() == '#') return {};
  auto key = parse_key(line);
  if (!key)
    return fail("no key: 80 bytes in base64, as `openssl rand -base64 80 | tr -d '\\n'` makes them", Origin::kOperator);
  if (keys.keys().size() == kTicketKeysInFile)
    return fail(fmt::format("more than {} keys", kTicketKeysInFile), Origin::kOperator);
  keys.add(*key);
  OPENSSL_cleanse(key->data(), key->size());
  return {};
}

}  // namespace

TicketKeyTexts::~TicketKeyTexts() {
  OPENSSL_cleanse(keys_.data(), keys_.size() * sizeof(Key));
}

Result<TicketKeyTexts> parse_ticket_keys(std::string_view text) {
  TicketKeyTexts keys;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (auto added = add_line(keys, without_blanks(text.substr(0, end))); !added)
      return std::unexpected(std::move(added.error()).in(fmt::format("line {}", number)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (keys.keys().empty()) return fail("there is no key in it", Origin::kOperator);
  return keys;
}

Result<TicketKeyTexts> read_ticket_keys(const std::string& path) {
  struct stat found {};
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO holds nobody up
  if (!file || ::fstat(file.get(), &found) != 0) return fail_errno("ticket keys " + path);
  if (!S_ISREG(found.st_mode) || found.st_size > off_t{kFileBytesMax})
    return fail(fmt::format("ticket keys {}: that is no file of at most {} bytes", path, kFileBytesMax), Origin::kOperator);
  if (found.st_mode & S_IRWXO)
    return fail(fmt::format("ticket keys {}: anybody on this host may use the file: chmod o= {}", path, path),
                Origin::kOperator);
  std::string text(size_t(found.st_size), '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return fail_errno("ticket keys " + path);
  text.resize(size_t(size));
  auto keys = parse_ticket_keys(text);
  OPENSSL_cleanse(text.data(), text.size());
  if (!keys) return std::unexpected(std::move(keys.error()).in("ticket keys " + path));
  return keys;
}

}  // namespace cardea
