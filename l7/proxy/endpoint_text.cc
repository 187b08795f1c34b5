#include "l7/proxy/endpoint_text.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

namespace cardea::l7::proxy {

AddressText::AddressText(const IpAddress& address) {
  if (!address.is_v4()) {
    inet_ntop(AF_INET6, address.bytes.data(), text_.data(), text_.size());
    size_ = std::strlen(text_.data());
    return;
  }
  char* at = text_.data();
  const uint8_t* bytes = address.v4_data();
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *at++ = '.';
    const uint8_t byte = bytes[i];
    if (byte >= 100) *at++ = char('0' + byte / 100);
    if (byte >= 10) *at++ = char('0' + byte / 10 % 10);
    *at++ = char('0' + byte % 10);
  }
  size_ = size_t(at - text_.data());
}

void EndpointText::put(std::string_view text) {
  std::memcpy(text_.data() + size_, text.data(), text.size());
  size_ += text.size();
}

EndpointText::EndpointText(const Endpoint& endpoint) {
  const AddressText address(endpoint.address);
  const bool brackets = !endpoint.address.is_v4();
  if (brackets) put("[");
  put(address.view());
  put(brackets ? "]:" : ":");
  put(PortText(endpoint.port).view());
}

PortText::PortText(uint16_t port) {
  size_ = size_t(std::to_chars(text_.data(), text_.data() + text_.size(), port).ptr - text_.data());
}

}  // namespace cardea::l7::proxy
