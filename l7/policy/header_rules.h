// What an operator changes of headers (settings.HeaderEdits), ready to be used: names that do not go on, and lines whose
// values are made for each message.
#pragma once

#include <string>
#include <vector>

#include "base/policies_generated.h"
#include "base/template.h"
#include "l7/http/header_changes.h"

namespace cardea::l7::policy {

class HeaderRules {
 public:
  struct Line {
    std::string front;  // "Name: "
    http::HeaderId id = http::HeaderId::kOther;
    Template value;
    bool if_absent = false;
    bool only_secure = false;  // where the client came over TLS

    std::string_view name() const { return std::string_view(front).substr(0, front.size() - 2); }
  };

  HeaderRules() = default;  // nothing is changed
  static Result<HeaderRules> read(const settings::HeaderEditsT& edits, Moment moment);

  // What browsers are told for their users' sake, where neither these rules nor a response say it.
  void add_security(settings::SecurityHeaders which);
  void drop(std::string_view name) { dropped_.add(name); }

  bool empty() const { return lines_.empty() && dropped_.empty(); }
  const http::NameSet& dropped() const { return dropped_; }
  const std::vector<Line>& lines() const { return lines_; }
  // Whether its value, as backends see it, may be another for each request.
  bool varies(std::string_view name) const;

 private:
  Result<> add_lines(const std::vector<std::string>& lines, Moment moment, bool if_absent);

  http::NameSet dropped_;
  std::vector<Line> lines_;
};

}  // namespace cardea::l7::policy
