// One client of the API as the HTTP library reads and writes it. A client has so much time and so many bytes for the
// whole of its request, and so much time to take the answer: whoever is silent, slow or endless holds his thread no
// longer than that.
#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <cstddef>

#include "base/file_descriptor.h"

namespace cardea::mgmt::api {

struct Patience {
  std::chrono::milliseconds request{2000}, answer{10'000};
  size_t request_bytes_max = 128 << 10;
};

class Connection : public httplib::Stream {
 public:
  // `ending`: becomes readable when the server is to end; then nothing more is read.
  Connection(FileDescriptor socket, int ending, const Patience& patience);

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* into, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  using httplib::Stream::write;
  // Of a Unix socket: the user's number and the process's, which request.remote_addr and remote_port tell then.
  void get_remote_ip_and_port(std::string& user, int& process) const override;
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_.get(); }

 private:
  using Clock = std::chrono::steady_clock;

  ssize_t fill();

  FileDescriptor socket_;
  int ending_;
  Patience patience_;
  Clock::time_point request_until_;
  Clock::time_point answer_until_{};  // set at the first byte of the answer
  size_t bytes_read_ = 0;
  std::array<char, 4096> buffer_;  // the library asks for single bytes
  size_t first_ = 0, behind_ = 0;  // of what it has not asked for yet
};

}  // namespace cardea::mgmt::api
