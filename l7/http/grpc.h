// What of gRPC a proxy has to know: which calls are its, and how they are told that they failed
// (github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
#pragma once

#include <cstdint>
#include <string_view>

namespace cardea::l7::http {

// By the request's Content-Type; gRPC-Web is another protocol.
bool is_grpc(std::string_view content_type);

// In the numbers of gRPC's own statuses, what an answer of this status says: who asks by gRPC reads no other.
uint8_t grpc_status(uint16_t status);

}  // namespace cardea::l7::http
