// Which credentials and challenges make a connection somebody's.
#include "l7/http/authentication.h"

#include <gtest/gtest.h>

#include <string>

namespace cardea::l7::http {
namespace {

bool binds(std::string_view name, std::string_view value) {
  const std::string line = std::string(name) + ": " + std::string(value) + "\r\n";
  Headers headers;
  headers.add(header_id(name), std::string_view(line).substr(0, name.size()),
              std::string_view(line).substr(name.size() + 2, value.size()));
  return binds_connection(headers);
}

TEST(BindsConnection, CredentialsOfASchemeThatIsTheConnections) {
  for (const char* name : {"Authorization", "Proxy-Authorization"}) {
    for (const char* value :
         {"NTLM TlRMTVNTUAAB", "ntlm x", "Negotiate YII=", "NEGOTIATE\tYII=", "Negotiate", "Nego2 x"}) {
      EXPECT_TRUE(binds(name, value)) << name << ": " << value;
    }
    for (const char* value :
         {"Basic NTLM", "Bearer ntlm", "NTLMv2 x", "Negotiat x", "Digest a=\"NTLM\"", "", "Digest a=b, NTLM c"}) {
      EXPECT_FALSE(binds(name, value)) << name << ": " << value;
    }
  }
}

TEST(BindsConnection, AChallengeThatOffersSuchAScheme) {
  for (const char* name : {"WWW-Authenticate", "Proxy-Authenticate"}) {
    for (const char* value : {"NTLM", "Negotiate", "negotiate oYG=", "Basic realm=\"a, b\", NTLM", "Negotiate, NTLM",
                              "Digest realm=\"x\", nonce=y , ,Negotiate"}) {
      EXPECT_TRUE(binds(name, value)) << name << ": " << value;
    }
    for (const char* value : {"Basic realm=\"NTLM\"", "Basic realm=\"a, NTLM\"", "Bearer ntlm=1", "Basic", ""}) {
      EXPECT_FALSE(binds(name, value)) << name << ": " << value;
    }
  }
}

TEST(BindsConnection, NothingElseDoesAndTheSecondOfAKindCounts) {
  EXPECT_FALSE(binds("Server", "NTLM"));
  EXPECT_FALSE(binds("Cookie", "Negotiate x"));
  const std::string text = "WWW-Authenticate: Basic\r\nWWW-Authenticate: NTLM\r\n";
  const std::string_view all(text);
  Headers headers;
  headers.add(HeaderId::kWwwAuthenticate, all.substr(0, 16), all.substr(18, 5));
  EXPECT_FALSE(binds_connection(headers));
  headers.add(HeaderId::kWwwAuthenticate, all.substr(25, 16), all.substr(43, 4));
  EXPECT_TRUE(binds_connection(headers));
}

}  // namespace
}  // namespace cardea::l7::http
