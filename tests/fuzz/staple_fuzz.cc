// Any bytes as a responder's answer, bare and in HTTP: nothing that its authority did not sign is stapled, and a reply is the
// same however it is cut into pieces.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/control/ocsp_reply.h"
#include "l7/tls/certificate.h"
#include "l7/tls/staple.h"

using namespace cardea::l7::tls;

namespace {

// A certificate and its issuer, whose key nobody has any more.
const Certificate& certificate() {
  static const Certificate* const made = [] {
    auto* const one = new Certificate;
    one->chain_pem = R"(
-----BEGIN CERTIFICATE-----
MIIBcTCCARagAwIBAgIUDtzAdmvMv1P+w93goiW0niYLwF0wCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBQTAeFw0yNjExMzAxNzEzMTBaFw0zNjExMjcxNzEzMTBaMA8x
DTALBgNVBAMMBHNob3AwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ4q9r4LJBP
fcUujfDD1++vRCeqeL5LDF/y5hwQ5YOUNzRJfN32V0yb3JeMIBNApsqqqwxwK+B+
bJMTNlrMZ/ldo1MwUTAdBgNVHQ4EFgQUZ5Vg5wCyQHM9i/gMJt9vKzto1EkwHwYD
VR0jBBgwFoAUkhAJJ61FaCmaj+XSXIFLGVON4tYwDwYDVR0TAQH/BAUwAwEB/zAK
BggqhkjOPQQDAgNJADBGAiEAs2634mTexrd5p5cW2pFL/7npyicE3oUUCF7KnCRA
Q54CIQCp8u9CdnlNXiy7sKiiPgylInM9UBVkMzF+8KOs4gcUiw==
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
MIIBbjCCAROgAwIBAgIUMQwxwxzwMxFO5M/wXQWMGkmSPTcwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBQTAeFw0yNjExMzAxNzEzMDlaFw0zNjExMjcxNzEzMDlaMAwx
CjAIBgNVBAMMAUEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQFaXlmgI3ALVMm
kc15AxWDwx8noTAe3rAgzhCn79/2OTVZPr1z3x5DnyynIwRM5FDyGXnfnfm1/WJu
uwEeOnBVo1MwUTAdBgNVHQ4EFgQUkhAJJ61FaCmaj+XSXIFLGVON4tYwHwYDVR0j
BBgwFoAUkhAJJ61FaCmaj+XSXIFLGVON4tYwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNJADBGAiEA5uqtFNl5DSn5vcFYg8rL8QEDfCeFAJfErp8iiWwhXXgC
IQD41uzDC8KjOGlN5SCBWuxo61AywzYSguPcrS4NG4sRfA==
-----END CERTIFICATE-----
)";
    return one;
  }();
  return *made;
}

void refuse(std::string_view der) {
  const std::chrono::sys_seconds now(std::chrono::seconds(1'800'000'000));
  CHECK(!read_staple(der, certificate(), now).has_value());
}

// What a responder's HTTP reply holds that comes in pieces and ends with the connection.
std::optional<std::string> body_of(std::string_view bytes, size_t piece) {
  const auto reply = std::make_unique<cardea::l7::OcspReply>();
  auto state = cardea::l7::OcspReply::State::kNeedMore;
  while (state == cardea::l7::OcspReply::State::kNeedMore) {
    const auto room = reply->room();
    const size_t took = std::min({piece, bytes.size(), room.size()});
    std::copy_n(bytes.begin(), took, room.begin());
    bytes.remove_prefix(took);
    state = reply->take(took);
  }
  return state == cardea::l7::OcspReply::State::kDone ? std::optional(reply->body) : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  refuse(bytes);
  const std::optional<std::string> whole = body_of(bytes, 1 << 20);
  CHECK(whole == body_of(bytes, 7), "pieces are read as another reply");
  if (whole) refuse(*whole);
  return 0;
}
