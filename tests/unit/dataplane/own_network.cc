// unshare and ip.
#include "tests/unit/dataplane/own_network.h"

#include <fcntl.h>
#include <sched.h>

#include <cstdlib>

#include "base/check.h"

namespace cardea::dataplane::test {

OwnNetwork::OwnNetwork() : before_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  CHECK(bool(before_));
  CHECK(::unshare(CLONE_NEWNET) == 0);
  CHECK(std::system("ip link add eth9 address 02:00:00:00:00:05 type veth peer name wire9 && ip link set wire9 up && "
                    "ip address add 192.0.2.2/24 dev eth9 && ip address add 2001:db8:2::2/64 dev eth9 nodad && "
                    "ip link set eth9 up") == 0);
}

OwnNetwork::~OwnNetwork() {
  CHECK(::setns(before_.get(), CLONE_NEWNET) == 0);
}

}  // namespace cardea::dataplane::test
