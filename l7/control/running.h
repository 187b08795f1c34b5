// Everything that lives from the first plan to the end of the process: counters, log, shards, and the plan they run.
// Later plans are taken into it as a whole or refused as a whole. Control thread only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/control_socket.h"
#include "base/error.h"
#include "base/stats.h"
#include "l7/control/control_rows.h"
#include "l7/control/stapler.h"
#include "l7/control/tails.h"
#include "l7/control/tcp_rows.h"
#include "l7/control/ticket_key_source.h"
#include "l7/control/waf_link.h"
#include "l7/plan/load.h"
#include "l7/proxy/shard.h"

namespace cardea::l7 {

struct StartOptions {
  std::string run_directory = "/run/cardea", state_directory = "/var/lib/cardea";
  std::string statistics = "l7.stats";  // the segment's name in run_directory
  uint64_t descriptors_max = 0;  // 0: not known
};

class Running {
 public:
  using Sockets = std::vector<std::map<Endpoint, FileDescriptor>>;  // by shard
  // What served until now, in this process or in the one that it takes over from, and listens beside it for a moment.
  struct Before {
    std::set<Endpoint> endpoints;
    Sockets sockets = {};  // that may be taken
  };

  // Starts what the plan's settings ask for and adopts it. An Error leaves nothing behind.
  static Result<std::unique_ptr<Running>> open(Bytes image, const StartOptions& options, Before before);
  static Result<std::unique_ptr<Running>> open(Bytes image, const StartOptions& options) {
    return open(image, options, Before{});
  }
  Running(const Running&) = delete;
  ~Running();

  // The generation that runs then. An Error: nothing has changed.
  control::Outcome<uint64_t> adopt(Bytes image);
  control::Outcome<uint64_t> update_pools(Bytes image);

  // The door to the dataplane is there, or (null) no longer.
  void attach(const std::shared_ptr<door::AttachedDoor>& door);
  void tick(Instant now);  // about once a second
  void reopen_logs();
  void drain();  // take what had begun to connect, close what is idle; connections() then counts what is left
  uint64_t connections() const;  // of all shards
  bool is_done();                // behind drain(): nothing is left
  const std::set<Endpoint>& endpoints() const { return ours_; }  // where this process listens, or has
  // Of what was there before: nobody accepts from these here.
  Sockets take_not_taken() { return std::move(offered_); }
  Sockets listening_sockets();                                   // copies
  // drain(), beside another process that has taken these.
  void pass_on(std::vector<std::set<Endpoint>> taken);
  // Whether each shard has taken a turn since this was asked last (true the first time).
  bool all_shards_went_on();

  bool door_attached() const { return door_attached_; }
  const WafLink& waf() const { return *waf_; }
  const LivePlan& plan() const { return *plan_; }
  const std::vector<std::unique_ptr<proxy::Shard>>& shards() const { return shards_; }
  std::chrono::sys_seconds started_at() const { return started_at_; }
  // Of the last second: hundredths of a shard's time that it worked.
  double busy_percent(size_t shard) const { return busy_[shard].percent; }
  // Runs `call` on a shard's thread and waits for it; false when the shard did not come to it in time.
  bool ask(size_t shard, std::move_only_function<void(proxy::Shard&)> call);
  Tails& tails() { return tails_; }
  // Whom limits blame since this was asked last, some seconds ago at most: who was blamed before has gone meanwhile, or is
  // blamed again.
  std::vector<policy::Blamed::One> take_blamed(Instant now);

 private:
  struct Busy {
    uint64_t busy_ns = 0, sleeping_ns = 0;
    double percent = 0;
  };

  Running(stats::Segment segment, uint32_t shards, const StartOptions& options);
  Result<> open_shards(const PlanSettings& settings);
  Result<Sockets> open_sockets(const LivePlan& next);
  Result<FileDescriptor> open_socket(size_t shard, const Endpoint& endpoint);
  bool is_ours(const Endpoint& endpoint) const;
  void publish(std::shared_ptr<const LivePlan> next, Sockets sockets);
  void tell_all(const std::function<void(size_t, proxy::Shard&)>& what);
  bool all_is_delivered();
  void count(uint32_t cell);
  void write_backend_gauges(const BackendPlan& backend, Instant now);
  void write_gauges();
  void share_ticket_keys(std::shared_ptr<const tls::TicketKeys> keys);
  void warn_of_certificates(Instant now);
  void staple(Instant now);
  void renew_certificates(Instant now);
  void warn_of_descriptors();

  std::chrono::sys_seconds started_at_ =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  stats::Segment segment_;
  PlanResources resources_;
  uint64_t* cells_;  // the control thread's block
  ControlRows rows_;
  TcpRows tcp_rows_;
  CertificateRows certificate_rows_;
  std::vector<std::unique_ptr<proxy::Shard>> shards_;
  std::vector<Busy> busy_;
  Tails tails_;
  Instant blamed_asked_ = monotonic_now();
  std::unique_ptr<WafLink> waf_;
  std::shared_ptr<const LivePlan> plan_;
  std::vector<std::shared_ptr<const LivePlan>> retired_;  // freed here, not on a shard, when nobody holds them
  TicketKeySource ticket_keys_;
  Stapler stapler_;
  Instant warned_{}, renewed_{};
  uint64_t descriptors_max_;
  std::set<Endpoint> ours_;
  Sockets offered_;
  std::shared_ptr<std::atomic<size_t>> answered_;  // shards that came to what they were asked last
  bool door_attached_ = false;
  std::string descriptor_warning_;                 // the last; the same is not said twice
};

}  // namespace cardea::l7
