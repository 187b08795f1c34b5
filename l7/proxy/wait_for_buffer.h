// A buffer for the next piece of a body. A response that has begun is not broken off for want of one.
#pragma once

#include <cstddef>

#include "l7/proxy/buffers.h"
#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::proxy {

class Exchange;

Task<Failure> wait_for_buffer(Exchange& exchange, size_t bytes, Buffer& buffer);

}  // namespace cardea::l7::proxy
