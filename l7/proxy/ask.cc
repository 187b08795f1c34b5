#include "l7/proxy/ask.h"

#include <utility>

#include "l7/http/parse_head.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/heard_answer.h"
#include "l7/proxy/on_behalf.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

RoutePlan route_to(const policy::ForwardAuth& auth) {
  route::Proxy proxy;
  proxy.shares.push_back({auth.pool, 1, {}});
  proxy.host = auth.host;
  RoutePlan route;
  route.name = "forward_auth";
  route.action = std::move(proxy);
  return route;
}

}  // namespace

std::shared_ptr<Ask> Asks::find(const AskKey& key) const {
  const auto found = all_.find(key);
  return found == all_.end() ? nullptr : found->second.lock();
}

void Ask::close() {
  if (key_) among_.remove(*key_);
  key_.reset();
}

void Ask::leave() {
  if (--waiting_ != 0 || answer) return;
  close();
  if (under_way_) abandon(*under_way_);
}

// What outlives the exchange that asked: the question in memory of its own, the plan by which it is asked.
class AskExchange {
 public:
  AskExchange(Exchange& x, const policy::ForwardAuth& auth, std::string_view head, std::shared_ptr<Ask> ask,
              const std::optional<policy::Print>& print);
  // As a loop ends, those that wait may outlive it.
  ~AskExchange() {
    ask_->close();
    ask_->under_way_ = nullptr;
  }
  Arena& arena() { return own_; }

  static Task<> carry_out(AskExchange& asking);

 private:
  Caller caller() { return {shard_, exchange_, input_, tls_}; }
  bool prepare(Exchange& x);
  AuthAnswerPointer conclude(const Exchange& x, HeardAnswer& heard) const;
  policy::AuthAnswer answer_of(HeardAnswer& heard) const;

  Shard& shard_;
  const policy::ForwardAuth& auth_;
  const ShardPlanPointer plan_;
  const ServicePlan& service_;
  const std::shared_ptr<Ask> ask_;
  const std::optional<policy::Print> print_;
  const RoutePlan route_;
  const bool tls_;
  Arena own_, exchange_;
  const std::string_view head_;
  policy::ToldByProxy told_;
  Record record_;
  Input input_;  // there is nothing behind the head
};

AskExchange::AskExchange(Exchange& x, const policy::ForwardAuth& auth, std::string_view head, std::shared_ptr<Ask> ask,
                         const std::optional<policy::Print>& print)
    : shard_(x.shard()),
      auth_(auth),
      plan_(x.plan),
      service_(x.service),
      ask_(std::move(ask)),
      print_(print),
      route_(route_to(auth)),
      tls_(x.is_secure()),
      own_(x.loop().chunks()),
      exchange_(x.loop().chunks()),
      head_(own_.copy(head)),
      told_{.host = own_.copy(x.told.host), .port = own_.copy(x.told.port)},
      record_(record_on_behalf(x, own_)) {
  record_.peer = record_.client;
}

bool AskExchange::prepare(Exchange& x) {
  http::HeadScan scan;
  if (!http::parse_request_head(head_, {.bytes_max = head_.size()}, scan, x.head).done()) return false;
  x.head_bytes = head_.size();
  x.told = told_;
  x.admitted.path = {x.head.path, x.head.path, x.head.path};
  x.record.route = &route_;
  take_way(x, *route_.proxy(), route_.proxy()->shares.front());
  return true;
}

policy::AuthAnswer AskExchange::answer_of(HeardAnswer& heard) const {
  policy::AuthAnswer answer;
  http::HeadScan scan;
  http::ResponseHead head;
  if (!http::parse_response_head(heard.head(), {.bytes_max = heard.head().size()}, scan, head).done()) {
    answer.fault = word(Reason::kBadResponse);
    return answer;
  }
  answer.status = heard.status();
  answer.own = head.headers.has(http::HeaderId::kSetCookie);
  if (answer.passes()) auth_.digest(head.headers, answer);
  if (!answer.refuses()) return answer;
  answer.head = std::move(heard.head());
  answer.body = std::move(heard.body());
  return answer;
}

AuthAnswerPointer AskExchange::conclude(const Exchange& x, HeardAnswer& heard) const {
  if (x.failure || heard.status() == 0) {
    policy::AuthAnswer none;
    none.fault = x.failure ? x.failure.word : word(Reason::kBadResponse);
    return std::make_shared<const policy::AuthAnswer>(std::move(none));
  }
  policy::AuthAnswer answer = answer_of(heard);
  const auto kept_for = auth_.kept_for(answer);
  const double now = double(shard_.unix_ms()) / 1000;
  if (kept_for.count() != 0) answer.until = now + double(kept_for.count()) / 1000;
  auto made = std::make_shared<const policy::AuthAnswer>(std::move(answer));
  if (made->until > now && print_) auth_.memory->keep(*print_, made, now);
  return made;
}

Task<> AskExchange::carry_out(AskExchange& asking) {
  HeardAnswer heard;
  Exchange x(asking.caller(), asking.plan_, asking.service_, asking.record_);
  x.heard = &heard;
  if (!asking.prepare(x)) x.failure = failure(Reason::kLocalFailure);
  asking.ask_->under_way_ = &x;
  if (!x.failure) co_await forward(x);
  asking.ask_->under_way_ = nullptr;
  leave_backend(x);
  asking.ask_->answer = asking.conclude(x, heard);
  asking.ask_->close();
  asking.ask_->bell.ring();
}

std::shared_ptr<Ask> Ask::begin(Exchange& x, const policy::ForwardAuth& auth, std::string_view head,
                                const std::optional<policy::Print>& print) {
  Asks& asks = x.shard().asks();
  auto ask = std::make_shared<Ask>(asks, x.loop(), x.now() + auth.timeout);
  if (print) {
    ask->key_ = AskKey{&auth, *print};
    asks.add(*ask->key_, ask);
  }
  count(x.shard(), x.service.rows.auth_asks);
  spawn(x.loop(), &AskExchange::carry_out, std::make_unique<AskExchange>(x, auth, head, ask, print));
  return ask;
}

}  // namespace cardea::l7::proxy
