#include "l7/policy/file_book.h"

#include <fmt/format.h>

#include "l7/policy/read_file.h"

namespace cardea::l7::policy {
namespace {

constexpr size_t kNetworkBytesMax = 128 << 20, kUserBytesMax = 16 << 20, kPageBytesMax = 64 << 10;

Result<NetworkSet> read_set(const std::vector<std::string>& texts, const std::vector<std::string>& files) {
  std::vector<Prefix> networks;
  for (const std::string& text : texts) {
    const auto network = Prefix::parse(text);
    if (!network) return fail(fmt::format("\"{}\" is no network", text));
    networks.push_back(*network);
  }
  for (const std::string& file : files) {
    const auto text = read_file(file, kNetworkBytesMax);
    if (!text) return std::unexpected(text.error());
    auto more = read_networks(*text);
    if (!more) return std::unexpected(std::move(more.error()).in(file));
    networks.insert(networks.end(), more->begin(), more->end());
  }
  return NetworkSet(networks);
}

Result<Users> read_users(const std::string& file) {
  const auto text = read_file(file, kUserBytesMax);
  if (!text) return std::unexpected(text.error());
  auto users = Users::read(*text);
  if (!users) return std::unexpected(std::move(users.error()).in(file));
  return users;
}

Result<ErrorPage> read_page(const std::string& file, const std::string& content_type) {
  const auto text = read_file(file, kPageBytesMax);
  if (!text) return std::unexpected(text.error());
  return ErrorPage::of(*text, content_type.empty() ? "text/html; charset=utf-8" : content_type);
}

// Keeps what was read where it is found again.
template <typename Made>
Result<std::shared_ptr<const Made>> keep(std::shared_ptr<const Made>& place, Result<Made> made) {
  if (!made) return std::unexpected(std::move(made.error()));
  return place = std::make_shared<const Made>(std::move(*made));
}

}  // namespace

Result<std::shared_ptr<const NetworkSet>> FileBook::networks(const std::vector<std::string>& texts,
                                                             const std::vector<std::string>& files) {
  auto& known = networks_[fmt::format("{}\n\n{}", fmt::join(texts, "\n"), fmt::join(files, "\n"))];
  if (known) return known;
  return keep(known, read_set(texts, files));
}

Result<std::shared_ptr<const Users>> FileBook::users(const std::string& file) {
  auto& known = users_[file];
  if (known) return known;
  return keep(known, read_users(file));
}

Result<std::shared_ptr<const ErrorPage>> FileBook::page(const std::string& file, const std::string& content_type) {
  auto& known = pages_[{file, content_type}];
  if (known) return known;
  return keep(known, read_page(file, content_type));
}

}  // namespace cardea::l7::policy
