#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"
#include "base/proxy_header.h"
#include "base/proxy_header_format.h"

namespace cardea {
namespace {

using namespace proxy_format;
using State = ProxyReading::State;

ProxyReading more(size_t at_least) {
  return {State::kMore, ProxyFault::kNone, at_least};
}

ProxyReading bad(ProxyFault fault) {
  return {State::kBad, fault, 0};
}

ProxyReading done(size_t size) {
  return {State::kDone, ProxyFault::kNone, size};
}

// ------------------------------------------------------------------ version 1

// Decimal, without a sign or leading zeros.
bool read_port(std::string_view text, uint16_t& port) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

// As its family is written: a dotted quad or with colons.
bool read_address(std::string_view text, bool v4, IpAddress& address) {
  if ((text.find(':') == text.npos) != v4) return false;
  const auto parsed = IpAddress::parse(text);
  if (parsed) address = *parsed;
  return parsed.has_value();
}

// Five words with one blank between two.
bool read_words(std::string_view line, std::array<std::string_view, 5>& words) {
  for (std::string_view& word : words) {
    const size_t end = std::min(line.find(' '), line.size());
    word = line.substr(0, end);
    const bool last = &word == &words.back();
    if (word.empty() || last != (end == line.size())) return false;
    if (!last) line.remove_prefix(end + 1);
  }
  return true;
}

// Between "PROXY " and CR LF.
bool read_line(std::string_view line, ProxyHeader& header) {
  header.local = line == "UNKNOWN" || line.starts_with("UNKNOWN ");
  if (header.local) return true;
  std::array<std::string_view, 5> words;
  if (!read_words(line, words)) return false;
  const auto& [family, source, destination, source_port, destination_port] = words;
  const bool v4 = family == "TCP4";
  return (v4 || family == "TCP6") && read_address(source, v4, header.source.address) &&
         read_address(destination, v4, header.destination.address) && read_port(source_port, header.source.port) &&
         read_port(destination_port, header.destination.port);
}

ProxyReading read_text(std::string_view bytes, ProxyHeader& header) {
  const std::string_view first = bytes.substr(0, kLineMax);
  const size_t end = first.find('\n');
  if (end == first.npos) return first.size() == kLineMax ? bad(ProxyFault::kLineLength) : more(first.size() + 1);
  std::string_view line = first.substr(kLineStart.size(), end - kLineStart.size());
  if (!line.ends_with('\r')) return bad(ProxyFault::kLine);
  line.remove_suffix(1);
  const auto outside = [](char c) { return c < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(line, outside) || !read_line(line, header)) return bad(ProxyFault::kLine);
  return done(end + 1);
}

// ------------------------------------------------------------------ version 2

// Checksums are of the whole header, with zeros in place of theirs.
bool fits_checksum(std::string_view whole, std::string_view value) {
  if (value.size() != 4) return false;
  const auto at = size_t(value.data() - whole.data());
  const uint32_t before = crc32c(crc32c(~0u, whole.substr(0, at)), "\0\0\0\0"sv);
  return ~crc32c(before, whole.substr(at + 4)) == load_be32(value.data());
}

ProxyFault note_fact(std::string_view whole, uint8_t type, std::string_view value, ProxyHeader& header) {
  const bool name = type == kAuthority || type == kAlpn;
  if (name && value.size() > kNameMax) return ProxyFault::kFact;
  if (type == kAuthority) header.server_name = value;
  if (type == kAlpn) header.alpn = value;
  return type != kChecksum || fits_checksum(whole, value) ? ProxyFault::kNone : ProxyFault::kChecksum;
}

// Of those that nobody here knows no more than the length is looked at.
ProxyFault read_facts(std::string_view whole, size_t at, ProxyHeader& header) {
  while (at < whole.size()) {
    if (whole.size() - at < kFactHead) return ProxyFault::kFact;
    const size_t size = load_be16(whole.data() + at + 1);
    if (whole.size() - at - kFactHead < size) return ProxyFault::kFact;
    const ProxyFault fault = note_fact(whole, uint8_t(whole[at]), whole.substr(at + kFactHead, size), header);
    if (fault != ProxyFault::kNone) return fault;
    at += kFactHead + size;
  }
  return ProxyFault::kNone;
}

void read_addresses(const char* at, bool v4, ProxyHeader& header) {
  const size_t size = v4 ? 4 : 16;
  for (Endpoint* end : {&header.source, &header.destination}) {
    end->address = v4 ? IpAddress::v4_bytes(at) : IpAddress::v6_bytes(at);
    at += size;
  }
  header.source.port = load_be16(at);
  header.destination.port = load_be16(at + 2);
}

// Families and transports are numbered from 0; what no TCP connection can have is a header all the same, which says
// nothing of use.
bool is_known(uint8_t family) {
  return family >> 4 <= 3 && (family & 0xf) <= 2;
}

size_t addresses_of(uint8_t family) {
  constexpr size_t kSizes[] = {0, kAddresses4, kAddresses6, 216};
  return kSizes[family >> 4];
}

ProxyReading read_whole(std::string_view whole, ProxyHeader& header) {
  const auto command = uint8_t(whole[12]), family = uint8_t(whole[13]);
  const size_t addresses = addresses_of(family);
  header.local = command == kLocal || (family != kTcp4 && family != kTcp6);
  if (command == kLocal) return done(whole.size());
  if (whole.size() < kFixed + addresses) return bad(ProxyFault::kLength);
  if (header.local) return done(whole.size());
  read_addresses(whole.data() + kFixed, family == kTcp4, header);
  const ProxyFault fault = read_facts(whole, kFixed + addresses, header);
  return fault == ProxyFault::kNone ? done(whole.size()) : bad(fault);
}

ProxyReading read_binary(std::string_view bytes, ProxyHeader& header) {
  if (bytes.size() > 12 && uint8_t(bytes[12]) >> 4 != 2) return bad(ProxyFault::kVersion);
  if (bytes.size() > 12 && (bytes[12] & 0xf) > 1) return bad(ProxyFault::kCommand);
  if (bytes.size() > 13 && !is_known(uint8_t(bytes[13]))) return bad(ProxyFault::kFamily);
  if (bytes.size() < kFixed) return more(kFixed);
  const size_t size = kFixed + load_be16(bytes.data() + 14);
  return bytes.size() < size ? more(size) : read_whole(bytes.substr(0, size), header);
}

// Whether this is, or may become, what begins so.
bool may_begin(std::string_view bytes, std::string_view beginning) {
  const size_t known = std::min(bytes.size(), beginning.size());
  return bytes.substr(0, known) == beginning.substr(0, known);
}

}  // namespace

std::string_view word(ProxyFault fault) {
  constexpr std::string_view kWords[] = {"",
                                         "no_proxy_header",
                                         "bad_proxy_line",
                                         "proxy_line_too_long",
                                         "unknown_proxy_version",
                                         "unknown_proxy_command",
                                         "unknown_proxy_family",
                                         "proxy_header_too_short",
                                         "bad_proxy_fact",
                                         "bad_proxy_checksum"};
  return kWords[size_t(fault)];
}

ProxyReading read_proxy_header(std::string_view bytes, ProxyHeader& header) {
  header = {};
  const bool text = may_begin(bytes, kLineStart);
  if (!text && !may_begin(bytes, kSignature)) return bad(ProxyFault::kNoHeader);
  if (bytes.size() < (text ? kLineStart : kSignature).size()) return more(bytes.size() + 1);
  return text ? read_text(bytes, header) : read_binary(bytes, header);
}

}  // namespace cardea
