// What the files of a plan's policies hold: each is read, and made into what is asked, once for a plan, however many routes
// have it of their service. Control thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/policies_generated.h"
#include "l7/policy/error_pages.h"
#include "l7/policy/geo.h"
#include "l7/policy/jwt.h"
#include "l7/policy/key_list.h"
#include "l7/policy/network_set.h"
#include "l7/policy/token_key.h"
#include "l7/policy/users.h"

namespace cardea::l7::policy {

class FileBook {
 public:
  FileBook() = default;
  explicit FileBook(std::shared_ptr<const Geo> geo) : geo_(std::move(geo)) {}

  // Null: no database was named.
  const std::shared_ptr<const Geo>& geo() const { return geo_; }
  // These networks and those of the files.
  Result<std::shared_ptr<const NetworkSet>> networks(const std::vector<std::string>& texts,
                                                     const std::vector<std::string>& files);
  Result<std::shared_ptr<const Users>> users(const std::string& file);
  Result<std::shared_ptr<const KeyList>> api_keys(const std::string& file);
  // Keys of all these files.
  Result<std::shared_ptr<const TokenKeys>> token_keys(const settings::JwtT& of);
  // Of equal settings one, which remembers for all.
  Result<std::shared_ptr<const Jwt>> jwt(const settings::JwtT& of);
  Result<std::shared_ptr<const ErrorPage>> page(const std::string& file, const std::string& content_type);

 private:
  std::shared_ptr<const Geo> geo_;
  std::map<std::string, std::shared_ptr<const NetworkSet>> networks_;  // by all that they are made of
  std::map<std::string, std::shared_ptr<const Users>> users_;
  std::map<std::string, std::shared_ptr<const KeyList>> api_keys_;
  std::map<std::string, std::shared_ptr<const TokenKeys>> token_keys_;
  std::map<std::string, std::shared_ptr<const Jwt>> jwts_;  // by their settings
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const ErrorPage>> pages_;
};

}  // namespace cardea::l7::policy
