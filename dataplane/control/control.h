// The control thread: adopts plans, follows the kernel, keeps hop tables, addresses on the kernel's sides and what is
// taken of shared interfaces in step, answers questions.
// It publishes values and never touches what a worker owns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_socket.h"
#include "base/error.h"
#include "base/file_descriptor.h"
#include "base/plan_server.h"
#include "dataplane/control/answers.h"
#include "dataplane/control/interface_addresses.h"
#include "dataplane/control/kernel_follower.h"
#include "dataplane/control/l7_attachments.h"
#include "dataplane/control/liveness.h"
#include "dataplane/control/running.h"
#include "dataplane/control/waiting_packets.h"
#include "dataplane/state/path_mtus.h"

namespace cardea::dataplane {

class Control {
 public:
  // Publishes the first plan. `running` and `server` outlive the object.
  static Result<std::unique_ptr<Control>> start(Running& running, cardea::control::PlanServer& server,
                                                L7Attachments l7);

  Control(const Control&) = delete;
  ~Control();

  // Until `stop_fd` becomes readable: turns, and the wait between them.
  Result<> run(int stop_fd);
  // An Error when only a new start goes on.
  Result<> turn(Instant now);

 private:
  using Ticket = cardea::control::PlanServer::Ticket;
  struct Waiting {
    Ticket ticket = 0;  // 0: nobody waits for it any longer
    Instant since{};
    std::unique_ptr<Inquiry> inquiry;
  };

  std::optional<cardea::control::Message> answer(cardea::control::Message request, Ticket ticket);
  cardea::control::Message hand_over(cardea::control::Message request);
  void settle_inquiries(Instant now);

  Control(Running& running, cardea::control::PlanServer& server, L7Attachments l7, KernelFollower follower,
          InterfaceAddresses addresses);

  cardea::control::Outcome<uint64_t> adopt(Bytes image);
  cardea::control::Outcome<uint64_t> update(Bytes image);
  void publish_plan(std::unique_ptr<const LivePlan> plan);
  void give_back_to_kernel();
  void leave_interfaces();
  void publish_hops(const LivePlan& plan);
  void publish_l7();
  void need_neighbours(const LivePlan& plan, const HopTable& table);

  Result<> follow_ports();
  void keep_macs();
  void follow_shared_interfaces(Instant now);
  void restore_at(Instant when);
  void restore_shared_interfaces(Instant now);
  bool follow_interface(Port& port);
  void take_told(Instant now);
  void take_waiting_packets(Instant now);
  void settle_waiting_packets(Instant now);
  void send(uint16_t port, rte_mbuf* packet);
  void count_drops(Reason reason, uint64_t count);
  void tidy(Instant now);
  void write_gauges();
  void write_port_gauges(const Port& port);
  bool anything_waits();
  int patience_ms(Instant now);

  const LivePlan& plan() const { return *running_.plans->load(); }

  Running& running_;
  cardea::control::PlanServer& server_;
  L7Attachments l7_;
  KernelFollower follower_;
  InterfaceAddresses addresses_;
  PathMtus path_mtus_;
  WaitingPackets waiting_;
  std::vector<Waiting> inquiries_;
  std::vector<PortLink> links_;
  std::vector<uint64_t> socket_drops_;  // by port, since the start
  std::vector<bool> links_up_;          // by port, as the kernel sees them
  FileDescriptor epoll_;
  uint32_t hop_generation_ = 0;
  Instant routes_read_{}, restored_{}, ticked_{}, tidied_{};
  std::optional<Instant> restore_at_;  // what is ours of shared interfaces, where some may be gone
  Liveness liveness_;
};

}  // namespace cardea::dataplane
