// The OCSP answers that were stapled last, a file for each certificate, so that the next start staples at once. A file that
// is torn or old does no harm: what is read here is checked like what a responder says. Names tell the certificate.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "l7/tls/certificate.h"

namespace cardea::l7 {

class KeptStaples {
 public:
  explicit KeptStaples(std::string folder) : folder_(std::move(folder)) {}

  static std::string name_of(const tls::Certificate& certificate);  // "0123…ef.der"
  Result<std::string> read(const std::string& name) const;
  Result<> write(const std::string& name, std::string_view der) const;  // makes the folder
  void remove(const std::string& name) const;
  void keep_only(const std::set<std::string>& names) const;  // of what is named as here

 private:
  std::string folder_;
};

// At most one byte more than an answer may have.
Result<std::string> read_staple_file(const std::string& path);

}  // namespace cardea::l7
