#include "l7/http2/websocket_key.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <span>

#include "base/check.h"
#include "l7/http/fields.h"

namespace cardea::l7::http2 {
namespace {

constexpr size_t kKeyBytes = 16;
constexpr std::string_view kAppended = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

std::string base64(std::span<const unsigned char> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  text.resize(size_t(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), int(bytes.size()))));
  return text;
}

std::string_view accept_in(const http::ResponseHead& head) {
  for (const http::Header& header : head.headers) {
    if (http::equal_without_case(header.name(), "sec-websocket-accept")) return header.value();
  }
  return {};
}

}  // namespace

std::string accept_of(std::string_view key) {
  const std::string text = std::string(key).append(kAppended);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
  return base64(std::span(digest).first(size));
}

std::string_view WebsocketKey::make() {
  std::array<unsigned char, kKeyBytes> bytes{};
  CHECK(RAND_bytes(bytes.data(), int(bytes.size())) == 1, "OpenSSL has no random numbers");
  key_ = base64(bytes);
  return key_;
}

bool WebsocketKey::is_answered_by(const http::ResponseHead& head) const {
  if (key_.empty()) return true;
  return head.status == 101 ? accept_in(head) == accept_of(key_) : head.status < 200 || head.status > 299;
}

}  // namespace cardea::l7::http2
