#include "l7/proxy/door_listeners.h"

#include "base/log.h"
#include "l7/proxy/let_in.h"
#include "l7/proxy/listener.h"
#include "l7/proxy/live_service.h"
#include "l7/proxy/shard.h"

namespace cardea::l7::proxy {

class DoorListeners::One final : public door::Acceptor, public LoopTimer {
 public:
  One(DoorListeners& in, LiveService& service)
      : LoopTimer([](LoopTimer& timer) {
          auto& its = static_cast<One&>(timer);
          its.in_.left(its);
        }),
        in_(in),
        service_(&service) {}
  ~One() {
    if (listener_ != tcp::kNone) in_.door_.stop_listening(listener_);
  }

  bool listen(const Endpoint& at) {
    const auto id = in_.door_.listen(at, *this);
    if (id) listener_ = *id;
    return id.has_value();
  }
  void serve_from_now_on(LiveService& service) { service_ = &service; }
  void accept(tcp::ConnectionId id, const Endpoint& local, const Endpoint& peer) override {
    let_in(in_.shard_, *service_, {in_.door_, id, local, peer});
  }
  void answer_no_more() { in_.door_.answer_no_more(listener_); }
  LiveService& service() { return *service_; }

 private:
  DoorListeners& in_;
  LiveService* service_;
  tcp::ListenerId listener_ = tcp::kNone;
};

DoorListeners::DoorListeners(Shard& shard, door::ShardDoor& door) : shard_(shard), door_(door) {}
DoorListeners::~DoorListeners() = default;

void DoorListeners::adopt(const std::map<Endpoint, LiveService*>& wanted) {
  std::map<Endpoint, std::unique_ptr<One>> before = std::exchange(at_, {});
  for (const auto& [endpoint, service] : wanted) {
    if (const auto known = before.extract(endpoint)) {
      known.mapped()->serve_from_now_on(*service);
      at_.emplace(endpoint, std::move(known.mapped()));
      continue;
    }
    auto one = std::make_unique<One>(*this, *service);
    if (one->listen(endpoint))
      at_.emplace(endpoint, std::move(one));
    else
      log::error("shard {}: our own TCP cannot listen on {}", shard_.number(), endpoint.text());
  }
  for (auto& [endpoint, one] : before) leave(std::move(one));
}

void DoorListeners::leave(std::unique_ptr<One> one) {
  one->answer_no_more();
  shard_.keep(one->service());
  shard_.loop().arm(*one, shard_.loop().now() + kLeaveTime);
  leaving_.push_back(std::move(one));
}

void DoorListeners::left(One& one) {
  LiveService& service = one.service();
  std::erase_if(leaving_, [&](const auto& its) { return its.get() == &one; });
  shard_.give_back(service);
}

}  // namespace cardea::l7::proxy
