// The memory OpenSSL works in. It asks the heap for two buffers of 17 KB and several small pieces at every record, and for
// about a thousand at a handshake; here each thread keeps what was given back, by size, so a proxied request asks the heap
// for nothing. What is kept is bounded, and the heap's again when the thread ends; the rest goes back to the heap at once.
#pragma once

#include <cstddef>

namespace cardea::l7::tls {

// Once, before anything else of OpenSSL is used.
void keep_crypto_memory();

// Of this thread: buffers for records that OpenSSL has in its hands, because they are not whole yet or did not all go out.
size_t record_buffers();
constexpr size_t kRecordBufferBytes = 17 * 1024;

}  // namespace cardea::l7::tls
