#include "l7/policy/named_files.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/file_descriptor.h"
#include "l7/policy/network_set.h"
#include "l7/policy/read_file.h"

namespace cardea::l7::policy {
namespace {

constexpr size_t kNetworkBytesMax = 128 << 20, kUserBytesMax = 16 << 20, kPageBytesMax = 64 << 10, kKeyBytesMax = 1 << 20,
                 kKeyListBytesMax = 64 << 20;

// What `make` makes of the text, or why it makes nothing of it, in the file's name.
template <typename Make>
auto made_of(const Result<std::string>& text, const std::string& file, Make make) -> decltype(make(*text)) {
  if (!text) return std::unexpected(text.error());
  auto made = make(*text);
  if (!made) made.error().message.insert(0, file + ": ");
  return made;
}

}  // namespace

Result<std::vector<Prefix>> networks_in(const std::string& file) {
  return made_of(read_file(file, kNetworkBytesMax), file, read_networks);
}

Result<Users> users_in(const std::string& file) {
  return made_of(read_file(file, kUserBytesMax), file, Users::read);
}

Result<KeyList> api_keys_in(const std::string& file) {
  return made_of(read_secret_file(file, kKeyListBytesMax), file, KeyList::read);
}

Result<std::string> page_in(const std::string& file) {
  return read_file(file, kPageBytesMax);
}

Result<TokenKeys> key_set_in(const std::string& file) {
  auto keys = made_of(read_file(file, kKeyBytesMax), file, read_key_set);
  if (keys && has_secret(*keys))
    if (const auto hidden = read_secret_file(file, kKeyBytesMax); !hidden) return std::unexpected(hidden.error());
  return keys;
}

Result<TokenKeys> public_keys_in(const std::string& file) {
  return made_of(read_file(file, kKeyBytesMax), file, read_public_key);
}

Result<TokenKeys> secret_in(const std::string& file) {
  return made_of(read_secret_file(file, kKeyBytesMax), file, read_secret);
}

Result<std::vector<Algorithm>> algorithms_of(const std::vector<std::string>& words, const TokenKeys& keys) {
  std::vector<Algorithm> algorithms;
  for (const std::string& word : words) {
    const auto algorithm = algorithm_of(word);
    if (!algorithm) return fail(fmt::format("there is no algorithm \"{}\"", word));
    if (std::ranges::none_of(keys, [&](const TokenKey& key) { return key.serves(*algorithm); }))
      return fail(fmt::format("there is no key for {}", word), Origin::kOperator);
    algorithms.push_back(*algorithm);
  }
  return algorithms;
}

Result<> find_folder(const std::string& root) {
  const FileDescriptor folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder) return {};
  return fail(fmt::format("cannot open the folder {} of its files: {}", root, std::strerror(errno)), Origin::kOperator);
}

}  // namespace cardea::l7::policy
