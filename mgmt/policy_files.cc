#include "mgmt/policy_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conf/quote.h"
#include "l7/policy/named_files.h"
#include "mgmt/files_for_l7.h"

namespace cardea::mgmt {
namespace {

namespace policy = l7::policy;
using conf::Finding;
using policy::TokenKeys;

template <typename Content>
Result<> without_content(const Result<Content>& read) {
  return read ? Result<>() : std::unexpected(read.error());
}

class Reader {
 public:
  Reader(Look look, conf::Findings& findings) : look_(look), findings_(findings) {}

  void at(const FileForL7& file) {
    if (file.kind == FileForL7::kPem || file.kind == FileForL7::kTicketKeys) return;  // certificate_files.h looks at those
    if (file.kind == FileForL7::kFolder && look_ != Look::kInside) return;
    if (!may_read(file)) return;
    const Result<> read = look_ == Look::kInside ? inside(file) : whether_there(file.name);
    if (!read) findings_.push_back({Finding::error, file.place, read.error().message, {}, {}});
  }

  // Behind all the files: whether those of these keys serve what they are for.
  void at(const conf::Place& place, const settings::PoliciesT& policies) {
    if (look_ != Look::kInside || !policies.jwt || !policies.jwt->enabled) return;
    const auto keys = keys_of(*policies.jwt);
    const auto algorithms = keys ? policy::algorithms_of(policies.jwt->algorithms, *keys) : Result<std::vector<policy::Algorithm>>();
    if (algorithms) return;
    findings_.push_back(
        {Finding::error, {place.file, place.line, place.path + ".jwt.algorithms"}, algorithms.error().message, {}, {}});
  }

 private:
  static Result<> whether_there(const std::string& name) {
    struct stat found{};
    if (::stat(name.c_str(), &found) == 0 || errno == EACCES) return {};
    return fail_errno("read " + name);
  }

  // Where only a name leads there that this user may not follow, nothing is known. Of a folder that is all.
  bool may_read(const FileForL7& file) {
    const bool hidden = ::access(file.name.c_str(), file.kind == FileForL7::kFolder ? F_OK : R_OK) != 0 && errno == EACCES;
    if (hidden && look_ == Look::kInside)
      findings_.push_back({Finding::hint,
                           file.place,
                           conf::in_quotes(file.name) + " is not for this user to read, so it was not looked at",
                           {},
                           {}});
    return !hidden;
  }

  Result<> inside(const FileForL7& file) {
    switch (file.kind) {
      case FileForL7::kNetworks:
        return without_content(policy::networks_in(file.name));
      case FileForL7::kUsers:
        return without_content(policy::users_in(file.name));
      case FileForL7::kApiKeys:
        return without_content(policy::api_keys_in(file.name));
      case FileForL7::kKeySet:
        return keep(file, policy::key_set_in(file.name));
      case FileForL7::kPublicKey:
        return keep(file, policy::public_keys_in(file.name));
      case FileForL7::kSecret:
        return keep(file, policy::secret_in(file.name));
      case FileForL7::kPage:
        return without_content(policy::page_in(file.name));
      case FileForL7::kFolder:
        return policy::find_folder(file.name);
      case FileForL7::kCountries:
        return without_content(policy::countries_in(file.name));
      case FileForL7::kAsNumbers:
        return without_content(policy::as_numbers_in(file.name));
      case FileForL7::kPem:
      case FileForL7::kTicketKeys:
        break;
    }
    return {};
  }

  Result<> keep(const FileForL7& file, Result<TokenKeys> keys) {
    const Result<> read = without_content(keys);
    if (keys) keys_.emplace(std::pair(file.kind, file.name), std::move(*keys));
    return read;
  }

  // Nothing: one of the files could not be read, which was said.
  std::optional<TokenKeys> keys_of(const settings::JwtT& jwt) const {
    std::vector<std::pair<FileForL7::Kind, std::string>> files;
    if (!jwt.jwks.empty()) files.emplace_back(FileForL7::kKeySet, jwt.jwks);
    for (const std::string& name : jwt.public_keys) files.emplace_back(FileForL7::kPublicKey, name);
    if (!jwt.secret.empty()) files.emplace_back(FileForL7::kSecret, jwt.secret);
    TokenKeys keys;
    for (const auto& file : files) {
      const auto read = keys_.find(file);
      if (read == keys_.end()) return std::nullopt;
      keys.insert(keys.end(), read->second.begin(), read->second.end());
    }
    return keys;
  }

  Look look_;
  conf::Findings& findings_;
  std::map<std::pair<FileForL7::Kind, std::string>, TokenKeys> keys_;
};

}  // namespace

conf::Findings look_at_policy_files(const conf::Config& config, Look look) {
  conf::Findings findings;
  Reader reader(look, findings);
  for (const FileForL7& file : files_for_l7(config)) reader.at(file);
  for (const conf::Service& service : config.services) {
    if (service.mode == conf::Mode::kL4) continue;
    reader.at(service.place, service.policies);
    for (const conf::Route& route : service.routes) reader.at(route.place, route.policies);
  }
  return findings;
}

}  // namespace cardea::mgmt
