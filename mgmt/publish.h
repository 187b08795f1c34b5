// The connection to a process that runs plans: connects for ever, hands over plans and pool updates, asks questions.
// One request is under way at a time; plans and updates go before questions. It keeps no plan: whoever owns the state
// is told of each new connection and hands over the newest one.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/control_socket.h"
#include "base/error.h"
#include "base/file_descriptor.h"
#include "mgmt/plan_link.h"

namespace cardea::mgmt {

class Publisher : public PlanLink {
 public:
  // `peer`: what it is called in sentences, "the dataplane".
  Publisher(std::string socket_path, std::string peer, OnLink on_link);
  ~Publisher() override;  // requests that wait end with an error

  // Callbacks come on the publisher's thread, or on the caller's when nobody is connected.
  void adopt(Image plan, uint64_t generation, Done done) override;
  void update_pools(Image update, uint64_t generation, Done done) override;
  void ask(std::string json, Answered done) override;
  using PlanLink::ask;
  Peer link() const override;

 private:
  struct Request {
    control::Message message;
    Image image;  // sealed into the message's memfd just before it is sent
    std::chrono::milliseconds deadline;
    std::move_only_function<void(control::Outcome<control::Message>)> done;
  };
  void submit(Request request, bool first);
  void work();
  void serve(FileDescriptor socket);            // until the peer goes or this is being destroyed
  bool exchange(int socket, Request& request);  // false: the connection is of no use any more
  bool idle(int socket);                        // waits for a request; false: the peer has gone
  std::optional<Request> take_next();
  void fail_waiting(const control::Failure& why);
  control::Failure not_connected() const;
  bool stopping();
  void wait_before_retry(std::chrono::milliseconds delay);
  void notify();
  void drain();

  std::string path_, peer_;
  OnLink on_link_;
  FileDescriptor wake_;  // eventfd: the thread waits for it and the socket at once
  mutable std::mutex mutex_;
  std::deque<Request> plans_, questions_;
  Peer link_;
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace cardea::mgmt
