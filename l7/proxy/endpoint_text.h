// Addresses and ports as text without an allocation, for headers and log lines.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/ip.h"

namespace cardea::l7::proxy {

class AddressText {
 public:
  explicit AddressText(const IpAddress& address);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 48> text_;
  size_t size_ = 0;
};

// "192.0.2.7:443", "[2001:db8::7]:443".
class EndpointText {
 public:
  explicit EndpointText(const Endpoint& endpoint);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  void put(std::string_view text);
  std::array<char, 64> text_;
  size_t size_ = 0;
};

class PortText {
 public:
  explicit PortText(uint16_t port);
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 8> text_;
  size_t size_ = 0;
};

}  // namespace cardea::l7::proxy
