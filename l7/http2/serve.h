// A client's connection that speaks HTTP/2.
#pragma once

#include <string_view>

#include "l7/proxy/connection.h"
#include "l7/runtime/task.h"

namespace cardea::l7::http2 {

// What came so far begins HTTP/2's connection preface (RFC 9113 3.4), or is it: no request of HTTP/1 does.
enum class Preface : uint8_t { kNo, kPerhaps, kYes };
Preface begins_preface(std::string_view came);

// What the client sent ahead is in the connection's input.
Task<> serve(proxy::Connection& connection);

}  // namespace cardea::l7::http2
