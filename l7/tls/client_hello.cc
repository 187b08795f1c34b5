#include "l7/tls/client_hello.h"

#include <algorithm>
#include <utility>

#include "l7/tls/server_name.h"
#include "l7/tls/vector_reader.h"

namespace cardea::l7::tls {
namespace {

constexpr uint8_t kHandshake = 22, kClientHello = 1;
constexpr size_t kRecordHead = 5, kRecordMax = 1 << 14, kMessageHead = HelloScan::kHead;
constexpr uint16_t kServerName = 0, kAlpn = 16;

size_t number_at(std::string_view bytes, size_t at, size_t size) {
  return VectorReader{bytes.substr(at)}.number(size);
}

// A record's head as far as it is there (RFC 8446 5.1).
bool may_be_record(std::string_view head) {
  return (head.empty() || uint8_t(head[0]) == kHandshake) && (head.size() < 2 || head[1] == 3);
}

// Of protocols of a byte or more, each behind its length, in a vector (RFC 7301 3.1).
bool read_alpn(std::string_view extension, std::string_view& alpn) {
  VectorReader reader{extension};
  alpn = reader.vector(2);
  VectorReader list{alpn};
  while (list.good && !list.left.empty()) list.good &= !list.vector(1).empty();
  return reader.good && reader.left.empty() && !alpn.empty() && list.good;
}

// Each may be there once.
bool read_extensions(std::string_view all, ClientHello& hello) {
  VectorReader reader{all};
  bool named = false, offered = false;
  while (reader.good && !reader.left.empty()) {
    const size_t type = reader.number(2);
    const std::string_view data = reader.vector(2);
    if (!reader.good) return false;
    if (type == kServerName) {
      if (std::exchange(named, true)) return false;
      hello.server_name = host_name_of(data);
    } else if (type == kAlpn && (std::exchange(offered, true) || !read_alpn(data, hello.alpn))) {
      return false;
    }
  }
  return reader.good;
}

// RFC 8446 4.1.2. Hellos of before TLS 1.2 may end without extensions.
bool read_body(std::string_view body, ClientHello& hello) {
  VectorReader reader{body};
  reader.bytes(2 + 32);  // version, random
  const size_t session = reader.vector(1).size(), suites = reader.vector(2).size(), methods = reader.vector(1).size();
  if (!reader.good || session > 32 || suites < 2 || suites % 2 != 0 || methods == 0) return false;
  if (reader.left.empty()) return true;
  const std::string_view extensions = reader.vector(2);
  return reader.good && reader.left.empty() && read_extensions(extensions, hello);
}

// The next record, if it is whole: kDone, taken.
HelloState take_record(std::string_view bytes, HelloScan& scan) {
  const std::string_view head = bytes.substr(scan.record, kRecordHead);
  const bool first = scan.record == 0;
  if (!may_be_record(head)) return first ? HelloState::kNotTls : HelloState::kBad;
  if (head.size() < kRecordHead) return HelloState::kMore;
  const size_t size = number_at(head, 3, 2);
  if (size == 0 || size > kRecordMax) return HelloState::kBad;
  if (scan.record + kRecordHead + size > kHelloMax) return HelloState::kTooLarge;
  const std::string_view content = bytes.substr(scan.record + kRecordHead, size);
  if (first && !content.empty() && uint8_t(content[0]) != kClientHello) return HelloState::kBad;
  if (content.size() < size) return HelloState::kMore;
  const size_t known = std::min(scan.message, kMessageHead);
  std::ranges::copy(content.substr(0, kMessageHead - known), scan.head.begin() + known);
  scan.message += size;
  scan.record += kRecordHead + size;
  return HelloState::kDone;
}

size_t message_size(std::string_view head) {
  return kMessageHead + number_at(head, 1, 3);
}

bool is_whole(std::string_view message) {
  return message.size() >= kMessageHead && message.size() >= message_size(message);
}

// The message, where it lies or out of several records.
std::string_view gather(std::string_view bytes, std::span<char> room) {
  const auto content = [bytes](size_t record) {
    return bytes.substr(record + kRecordHead, number_at(bytes, record + 3, 2));
  };
  if (is_whole(content(0))) return content(0);
  size_t size = 0;
  for (size_t at = 0; bytes.size() - at > kRecordHead && !is_whole({room.data(), size});) {
    const std::string_view piece = content(at);
    std::ranges::copy(piece, room.data() + size);
    size += piece.size();
    at += kRecordHead + piece.size();
  }
  return {room.data(), size};
}

}  // namespace

HelloState scan_hello(std::string_view bytes, HelloScan& scan) {
  for (;;) {
    const HelloState state = take_record(bytes, scan);
    if (state != HelloState::kDone) return state;
    if (scan.message < kMessageHead) continue;
    const size_t wanted = message_size({scan.head.data(), kMessageHead});
    if (scan.message >= wanted) return HelloState::kDone;
    if (wanted > kHelloMax) return HelloState::kTooLarge;
  }
}

// A message behind it in the same record would be one that nobody asked for.
bool read_hello(std::string_view bytes, std::span<char> room, ClientHello& hello) {
  hello = {};
  const std::string_view message = gather(bytes, room);
  if (!is_whole(message) || message.size() != message_size(message)) return false;
  hello.message = message;
  return read_body(message.substr(kMessageHead), hello);
}

}  // namespace cardea::l7::tls
