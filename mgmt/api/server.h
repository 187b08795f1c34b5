// The API: HTTP over a Unix socket, one request a connection. The HTTP is cpp-httplib's, which connection.h and server.cc
// include and nothing else of this half.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "mgmt/api/audit.h"
#include "mgmt/api/routes.h"

namespace cardea::mgmt::api {

class Server {
 public:
  // Listens at once; mode 0660, and `group` when it is not empty. Requests are answered on threads of its own until
  // this is destroyed; the event loop must still run or have dropped its work by then.
  static Result<std::unique_ptr<Server>> listen(const std::string& path, const std::string& group, EventLoop& loop,
                                                Site& site, Audit& audit);
  ~Server();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cardea::mgmt::api
