// Questions of a shard's to services that say who may ask (policy/forward_auth.h), under way. Each is an exchange of nobody's
// with the service's pool; requests that would ask the same wait for one. It ends when the last of them goes, at the
// latest when its time is over.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>

#include "l7/policy/forward_auth.h"
#include "l7/runtime/bell.h"

namespace cardea::l7::proxy {

class Ask;
class Exchange;

using AuthAnswerPointer = std::shared_ptr<const policy::AuthAnswer>;

// What two requests have in common that wait for one answer.
struct AskKey {
  const policy::ForwardAuth* of = nullptr;
  policy::Print print;
  bool operator<(const AskKey& other) const {
    return std::tie(of, print.first, print.second) < std::tie(other.of, other.print.first, other.print.second);
  }
};

// Those that may be joined.
class Asks {
 public:
  std::shared_ptr<Ask> find(const AskKey& key) const;
  void add(const AskKey& key, const std::shared_ptr<Ask>& ask) { all_[key] = ask; }
  void remove(const AskKey& key) { all_.erase(key); }
  size_t size() const { return all_.size(); }

 private:
  std::map<AskKey, std::weak_ptr<Ask>> all_;
};

class Ask {
 public:
  // `head`: what is asked, a request's head; copied. `key`: by which others join it; none: nobody does.
  static std::shared_ptr<Ask> begin(Exchange& x, const policy::ForwardAuth& auth, std::string_view head,
                                    const std::optional<policy::Print>& key);
  Ask(Asks& among, Loop& loop, Instant latest) : bell(loop), until(latest), among_(among) {}
  Ask(const Ask&) = delete;
  ~Ask() { close(); }

  Bell bell;  // rings when there is an answer
  const Instant until;
  AuthAnswerPointer answer;  // null: not yet

  void enter() { ++waiting_; }
  void leave();  // the last one that waited ends it

 private:
  friend class AskExchange;
  void close();  // nobody joins it any more

  Asks& among_;
  std::optional<AskKey> key_;
  Exchange* under_way_ = nullptr;
  size_t waiting_ = 0;
};

}  // namespace cardea::l7::proxy
