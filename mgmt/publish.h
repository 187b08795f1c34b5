// The connection to a process that runs plans: connects for ever, hands over plans and pool updates, asks questions.
// One request is under way at a time; plans and updates go before questions. It keeps no plan: whoever owns the state
// is told of each new connection and hands over the newest one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/control_socket.h"
#include "base/error.h"
#include "base/file_descriptor.h"
#include "mgmt/pool_state.h"

namespace cardea::mgmt {

// How a request ended. An Error's Origin::kBackend: the process refused, in its own words. Retry::kSafe: it is not
// connected or went away; a new connection brings the chance to repeat.
using Adopted = Result<uint64_t>;  // the generation that now runs

class Publisher {
 public:
  using Done = std::move_only_function<void(Adopted)>;                  // on the publisher's thread, exactly once
  using Answered = std::move_only_function<void(Result<std::string>)>;  // the same
  using OnLink = std::move_only_function<void(bool connected)>;         // on the publisher's thread

  // `peer`: what it is called in sentences, "the dataplane".
  Publisher(std::string socket_path, std::string peer, OnLink on_link);
  ~Publisher();  // requests that wait end with an Error

  void adopt(Image plan, uint64_t generation, Done done);
  void update_pools(Image update, uint64_t generation, Done done);
  void ask(std::string json, Answered done);
  std::future<Result<std::string>> ask(std::string json);

  struct Link {
    bool connected = false;
    pid_t pid = 0;
    std::chrono::system_clock::time_point since;
  };
  Link link() const;

 private:
  struct Request {
    control::Message message;
    Image image;  // sealed into the message's memfd just before it is sent
    std::chrono::milliseconds deadline;
    std::move_only_function<void(Result<control::Message>)> done;
  };
  void submit(Request request, bool first);
  void work();
  void serve(FileDescriptor socket);            // until the peer goes or this is being destroyed
  bool exchange(int socket, Request& request);  // false: the connection is of no use any more
  bool idle(int socket);                        // waits for a request; false: the peer has gone
  std::optional<Request> take_next();
  void fail_waiting(const Error& why);
  Error not_connected() const;
  bool stopping();
  void wait_before_retry(std::chrono::milliseconds delay);
  void notify();
  void drain();

  std::string path_, peer_;
  OnLink on_link_;
  FileDescriptor wake_;  // eventfd: the thread waits for it and the socket at once
  mutable std::mutex mutex_;
  std::deque<Request> plans_, questions_;
  Link link_;
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace cardea::mgmt
