// The listening end of the plan socket: connections, requests in, answers out. What a request means is somebody else's;
// a connection that misbehaves is closed and harms no other. Control thread only.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/control_socket.h"
#include "base/error.h"
#include "base/file_descriptor.h"

namespace cardea::control {

class PlanServer {
 public:
  using Answer = std::function<Message(Message request)>;
  // A request that takes longer: nothing now, and reply() with its ticket when it is known.
  using Ticket = uint64_t;
  using LateAnswer = std::function<std::optional<Message>(Message request, Ticket ticket)>;
  static constexpr size_t kConnectionsMax = 16;

  static Result<PlanServer> listen(const std::string& path);
  // With a socket that listens already.
  static Result<PlanServer> over(FileDescriptor listener);
  // Beside those who may anyway (is_own_kind): a daemon that shares no group with this one.
  void admit(std::optional<uid_t> user) { admitted_ = user; }

  // Becomes readable when there is something to serve.
  int fd() const { return epoll_.get(); }
  // Serves what is there, waiting at most `patience_ms` for the first event; returns when nothing is left.
  void serve(const Answer& answer, int patience_ms = 0);
  // The same; from a connection that waits for its answer nothing is read until it has it.
  void serve_late(const LateAnswer& answer, int patience_ms = 0);
  // To nobody when the peer has gone.
  void reply(Ticket ticket, const Message& message);

  const FileDescriptor& listener() const { return listener_; }
  // Leaves the socket to another process that has it as well; whoever is connected finds that one.
  void pass_on();
  // That one is this: its peers are told its number from now on (SO_PEERCRED is of who called listen() last).
  Result<> own();

 private:
  PlanServer(FileDescriptor listener, FileDescriptor timer, FileDescriptor epoll)
      : listener_(std::move(listener)), timer_(std::move(timer)), epoll_(std::move(epoll)) {}
  void take_connection();
  void pause_listening();
  void listen_again();
  void serve_one(int socket, const LateAnswer& answer);
  void deliver(int socket, const Message& message);
  void end(int socket);

  struct Connection {
    FileDescriptor socket;
    Ticket waits_for = 0;  // 0: for nothing
  };
  FileDescriptor listener_, timer_, epoll_;
  std::optional<uid_t> admitted_;
  std::map<int, Connection> connections_;
  Ticket tickets_ = 0;
};

}  // namespace cardea::control
