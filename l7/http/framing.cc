#include "l7/http/framing.h"

#include <algorithm>
#include <optional>

#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

using Decision = std::expected<BodyFraming, Fault>;

Fault fault_of_encoding(std::string_view value) {
  Fault fault = Fault::kEncoding;
  bool chunked_last = false;
  unsigned codings = 0, chunked = 0;
  while (const auto coding = next_element(value)) {
    if (!is_token(*coding)) return Fault::kEncoding;
    chunked_last = equal_without_case(*coding, "chunked");
    chunked += chunked_last;
    ++codings;
  }
  if (codings > 1 && chunked == 1 && chunked_last) fault = Fault::kEncodingUnsupported;
  return fault;
}

Decision by_encoding(const Headers& headers, Version version) {
  if (headers.has(HeaderId::kContentLength)) return std::unexpected(Fault::kLengthAndEncoding);
  if (version == Version::kHttp10) return std::unexpected(Fault::kEncodingInHttp10);
  if (headers.repeated(HeaderId::kTransferEncoding)) return std::unexpected(Fault::kEncoding);
  const std::string_view value = headers.value(HeaderId::kTransferEncoding);
  if (!equal_without_case(value, "chunked")) return std::unexpected(fault_of_encoding(value));
  return BodyFraming{BodyKind::kChunked};
}

Decision by_length(const Headers& headers, Sender sender) {
  const auto length = stated_length(headers, sender);
  if (!length) return std::unexpected(length.error());
  return BodyFraming{BodyKind::kLength, *length};
}

std::expected<uint64_t, Fault> length_of(std::string_view digits) {
  if (const auto length = parse_decimal(digits)) return *length;
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) return std::unexpected(Fault::kLength);
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  const auto length = parse_decimal(digits);
  if (!length) return std::unexpected(Fault::kLengthOverflow);
  return *length;
}

bool is_final_by_itself(uint16_t status) {
  return status == 204 || status == 304;
}

Decision informational(const ResponseHead& head, bool upgrade_asked) {
  if (head.headers.has(HeaderId::kTransferEncoding)) return std::unexpected(Fault::kBodyNotAllowed);
  if (head.status != 101) return BodyFraming{};
  if (!upgrade_asked || head.version == Version::kHttp10) return std::unexpected(Fault::kUpgradeUnasked);
  return BodyFraming{BodyKind::kTunnel};
}

}  // namespace

std::expected<uint64_t, Fault> stated_length(const Headers& headers, Sender sender) {
  const bool is_list = headers.value(HeaderId::kContentLength).find(',') != std::string_view::npos;
  if (!headers.repeated(HeaderId::kContentLength) && !is_list) return length_of(headers.value(HeaderId::kContentLength));
  if (sender == Sender::kClient) return std::unexpected(Fault::kLengthRepeated);
  std::optional<uint64_t> said;
  for (const Header& header : headers) {
    if (header.id() != HeaderId::kContentLength) continue;
    std::string_view list = header.value();
    while (const auto element = next_element(list)) {
      const auto length = length_of(*element);
      if (!length) return length;
      if (said.value_or(*length) != *length) return std::unexpected(Fault::kLengthRepeated);
      said = *length;
    }
  }
  if (!said) return std::unexpected(Fault::kLength);
  return *said;
}

std::expected<BodyFraming, Fault> request_body(const RequestHead& head) {
  if (head.method == Method::kConnect) return std::unexpected(Fault::kConnectUnsupported);
  Decision decision = BodyFraming{};
  if (head.headers.has(HeaderId::kTransferEncoding)) {
    decision = by_encoding(head.headers, head.version);
  } else if (head.headers.has(HeaderId::kContentLength)) {
    decision = by_length(head.headers, Sender::kClient);
  }
  if (decision && head.method == Method::kTrace && *decision != BodyFraming{} &&
      *decision != BodyFraming{BodyKind::kLength}) {
    return std::unexpected(Fault::kBodyNotAllowed);
  }
  return decision;
}

std::expected<BodyFraming, Fault> response_body(const ResponseHead& head, Method method, bool upgrade_asked) {
  if (head.status < 200) return informational(head, upgrade_asked);
  Decision decision = BodyFraming{BodyKind::kUntilClose};
  // Malformed framing is refused even where it would not matter, because the next reader may not know that.
  if (head.headers.has(HeaderId::kTransferEncoding)) {
    decision = by_encoding(head.headers, head.version);
  } else if (head.headers.has(HeaderId::kContentLength)) {
    decision = by_length(head.headers, Sender::kBackend);
  }
  if (!decision) return decision;
  if (method == Method::kHead || is_final_by_itself(head.status)) return BodyFraming{};
  if (method == Method::kConnect && head.status < 300) return BodyFraming{BodyKind::kTunnel};
  return decision;
}

BodyFraming framing_towards(BodyFraming from, Version version) {
  const bool unknown_length = from.kind == BodyKind::kChunked || from.kind == BodyKind::kUntilClose;
  if (!unknown_length) return from;
  return {version == Version::kHttp10 ? BodyKind::kUntilClose : BodyKind::kChunked};
}

}  // namespace cardea::l7::http
