// HAProxy's word for how an exchange ended (configuration manual 8.5): whose doing it was and how far it had come. Of its
// four letters two, as ours does not look for those of its cookies.
#pragma once

#include <array>

#include "l7/proxy/record.h"

namespace cardea::l7::proxy {

std::array<char, 4> haproxy_state(const Record& record);

}  // namespace cardea::l7::proxy
