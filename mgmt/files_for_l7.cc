#include "mgmt/files_for_l7.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

namespace cardea::mgmt {
namespace {

class Collector {
 public:
  std::vector<FileForL7> take() { return std::move(files_); }

  void add(const conf::Service& service) {
    if (service.mode == conf::Mode::kL4) return;
    add(service.place, service.policies), add(service.files);
    for (const conf::Route& route : service.routes) add(route.place, route.policies), add(route.files);
  }

  void add(const conf::Tls& tls) {
    for (const conf::Certificate& one : tls.certificates) add(one);
    if (!tls.client_auth) return;
    add(FileForL7::kPem, tls.client_auth->authorities, tls.client_auth->place, ".authorities");
    add(FileForL7::kPem, tls.client_auth->revocations, tls.client_auth->place, ".revocations");
  }

  void add(const conf::BackendTls& tls) {
    add(FileForL7::kPem, tls.authorities, tls.place, ".authorities");
    if (tls.certificate) add(*tls.certificate);
  }

  void add(const conf::L7& l7) {
    add(FileForL7::kTicketKeys, l7.ticket_keys, l7.place, ".ticket_keys");
    if (!l7.geo) return;
    add(FileForL7::kCountries, l7.geo->countries, l7.geo->place, ".countries");
    add(FileForL7::kAsNumbers, l7.geo->as_numbers, l7.geo->place, ".as_numbers");
  }

 private:
  void add(const conf::Certificate& pair) {
    add(FileForL7::kPem, pair.cert, pair.place, ".cert");
    add(FileForL7::kPem, pair.key, pair.place, ".key");
    if (pair.ocsp.starts_with('/')) add(FileForL7::kPem, pair.ocsp, pair.place, ".ocsp");
  }

  void add(const std::optional<conf::Files>& files) {
    if (files) add(FileForL7::kFolder, files->root, files->place, ".root");
  }

  void add(const conf::Place& place, const settings::PoliciesT& policies) {
    if (policies.access) {
      add_all(FileForL7::kNetworks, policies.access->allow_files, place, ".access.allow_files");
      add_all(FileForL7::kNetworks, policies.access->deny_files, place, ".access.deny_files");
    }
    if (policies.basic_auth) add(FileForL7::kUsers, policies.basic_auth->users, place, ".basic_auth.users");
    if (policies.api_keys && policies.api_keys->enabled) add(FileForL7::kApiKeys, policies.api_keys->file, place, ".api_keys.file");
    if (policies.jwt && policies.jwt->enabled) add(place, *policies.jwt);
    for (size_t i = 0; i < policies.error_pages.size(); ++i)
      add(FileForL7::kPage, policies.error_pages[i]->file, place, fmt::format(".error_pages[{}].file", i));
  }

  void add(const conf::Place& place, const settings::JwtT& jwt) {
    add(FileForL7::kKeySet, jwt.jwks, place, ".jwt.jwks");
    add_all(FileForL7::kPublicKey, jwt.public_keys, place, ".jwt.public_keys");
    add(FileForL7::kSecret, jwt.secret, place, ".jwt.secret");
  }

  void add_all(FileForL7::Kind kind, const std::vector<std::string>& names, const conf::Place& place, const char* setting) {
    for (size_t i = 0; i < names.size(); ++i) add(kind, names[i], place, fmt::format("{}[{}]", setting, i));
  }

  void add(FileForL7::Kind kind, const std::string& name, conf::Place place, const std::string& setting) {
    if (name.empty() || !known_.emplace(kind, name).second) return;
    place.path += setting;
    files_.push_back({kind, name, std::move(place)});
  }

  std::vector<FileForL7> files_;
  std::set<std::pair<FileForL7::Kind, std::string>> known_;
};

}  // namespace

std::vector<FileForL7> files_for_l7(const conf::Config& config) {
  Collector files;
  for (const conf::Service& service : config.services) files.add(service);
  for (const conf::Service& service : config.services)
    if (service.tls) files.add(*service.tls);
  for (const conf::Pool& pool : config.pools)
    if (pool.tls) files.add(*pool.tls);
  if (config.l7) files.add(*config.l7);
  return files.take();
}

}  // namespace cardea::mgmt
