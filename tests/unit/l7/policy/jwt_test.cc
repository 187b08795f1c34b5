// Tokens: every algorithm by a key of its own kind, claims, and what attackers were found to try (RFC 8725 2, and what
// libraries were caught with).
#include "l7/policy/jwt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>
#include <functional>

#include "l7/policy/base64url.h"
#include "l7/policy/file_book.h"
#include "tests/unit/l7/policy/token_issuer.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::l7::policy::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double kNow = 1'700'000'000;
const std::string kGood = R"({"iss":"https://id.example/","aud":["other","shop"],"sub":"ann","exp":1700000600})";
const std::string kSecret = "0123456789abcdef0123456789abcdef";

const Issuer& issuer(const char* kind) {
  static const Issuer rsa("RSA"), p256("P-256"), p384("P-384"), edwards("ED25519");
  return kind == std::string_view("RSA") ? rsa : kind == std::string_view("P-256") ? p256 : kind == std::string_view("P-384") ? p384 : edwards;
}

struct Tokens : testing::Test {
  Result<Jwt> read(std::function<void(settings::JwtT&)> change = {}) {
    settings::JwtT from;
    from.issuers = {"https://id.example/"}, from.audiences = {"shop"}, from.realm = "a\"pi", from.leeway_ms = 30'000;
    if (change) change(from);
    FileBook files;
    return Jwt::read(from, files);
  }
  Result<Jwt> by_set(const std::string& keys, std::function<void(settings::JwtT&)> change = {}) {
    write("set", "{\"keys\":[" + keys + "]}", 0600);
    return read([&](settings::JwtT& from) {
      from.jwks = folder.file("set");
      if (change) change(from);
    });
  }
  void write(const char* name, const std::string& text, mode_t mode = 0600) {
    std::ofstream(folder.file(name)) << text;
    ::chmod(folder.file(name).c_str(), mode);
  }
  // "ok", or why not.
  static std::string verdict(const Jwt& jwt, const std::string& token, double now = kNow) {
    const auto examined = jwt.examine(token, now);
    if (!examined) return std::string(word(examined.error()));
    if (!Jwt::is_signed(*examined)) return "signature";
    return examined->claims->lacking ? "lacking" : "ok";
  }

  ScratchFolder folder;
};

TEST_F(Tokens, EveryAlgorithmIsVerifiedByAKeyOfItsKind) {
  const auto set = issuer("RSA").jwk() + "," + issuer("P-256").jwk() + "," + issuer("P-384").jwk() + "," + issuer("ED25519").jwk();
  const auto jwt = by_set(set);
  ASSERT_TRUE(jwt) << jwt.error().message;
  for (const auto& [kind, algorithm] : {std::pair("RSA", "RS256"), {"RSA", "RS384"}, {"RSA", "RS512"}, {"RSA", "PS256"}, {"RSA", "PS384"},
                                        {"RSA", "PS512"}, {"P-256", "ES256"}, {"P-384", "ES384"}, {"ED25519", "EdDSA"}}) {
    std::string token = issuer(kind).token(kGood, algorithm);
    EXPECT_EQ(verdict(*jwt, token), "ok") << algorithm;
    EXPECT_EQ(verdict(*jwt, issuer(kind).token(kGood, algorithm, ",\"kid\":\"any\"")), "ok") << "the key has no id";
    const size_t at = token.rfind('.') + 10;
    token[at] = token[at] == 'A' ? 'B' : 'A';
    EXPECT_EQ(verdict(*jwt, token), "signature") << algorithm;
  }
  for (const char* kind : {"P-256", "P-384", "ED25519"})
    EXPECT_TRUE(jwt->examine(issuer(kind).token(kGood, kind == std::string("ED25519") ? "EdDSA" : kind == std::string("P-256") ? "ES256" : "ES384"), kNow)->slow);
  EXPECT_FALSE(jwt->examine(issuer("RSA").token(kGood, "RS256"), kNow)->slow);
}

TEST_F(Tokens, AreSignedByASecretOrByThePemOfAKey) {
  write("secret", kSecret + "\n");
  write("pem", issuer("P-256").pem(), 0644);
  const auto jwt = read([this](settings::JwtT& from) { from.secret = folder.file("secret"), from.public_keys = {folder.file("pem")}; });
  ASSERT_TRUE(jwt) << jwt.error().message;
  for (const char* algorithm : {"HS256", "HS384", "HS512"})
    EXPECT_EQ(verdict(*jwt, sign_by_secret(kSecret, "{\"alg\":\"" + std::string(algorithm) + "\"}", kGood)), "ok") << algorithm;
  EXPECT_EQ(verdict(*jwt, sign_by_secret(kSecret + "\n", R"({"alg":"HS256"})", kGood)), "signature");
  EXPECT_EQ(verdict(*jwt, issuer("P-256").token(kGood, "ES256")), "ok");
  EXPECT_EQ(verdict(*jwt, issuer("P-384").token(kGood, "ES384")), "algorithm");
}

// RFC 8725 2.1: whoever has the public key signs with it, as if it were a secret.
TEST_F(Tokens, NoAlgorithmButTheKeysOwn) {
  write("pem", issuer("RSA").pem(), 0644);
  const auto jwt = read([this](settings::JwtT& from) { from.public_keys = {folder.file("pem")}; });
  ASSERT_TRUE(jwt);
  EXPECT_EQ(verdict(*jwt, sign_by_secret(issuer("RSA").pem(), R"({"alg":"HS256"})", kGood)), "algorithm");
  for (const char* none : {"none", "None", "NONE", "nOnE", "", "RS256 ", "rs256", "RS256,none", "ES256", "HS256"}) {
    const std::string text = base64url("{\"alg\":\"" + std::string(none) + "\"}") + "." + base64url(kGood);
    EXPECT_EQ(verdict(*jwt, text + "."), "algorithm") << none;
    EXPECT_EQ(verdict(*jwt, text + "." + base64url("x")), "algorithm") << none;
  }
  for (const char* header : {"{}", R"({"alg":null})", R"({"alg":["RS256"]})", R"({"alg":1})"})
    EXPECT_THAT(verdict(*jwt, base64url(header) + "." + base64url(kGood) + "."), testing::AnyOf("algorithm", "malformed"));
  EXPECT_EQ(verdict(*jwt, issuer("RSA").token(kGood, "RS256")), "ok");
  EXPECT_EQ(verdict(*jwt, issuer("RSA").sign(R"({"alg":"PS256"})", kGood, "RS256")), "signature") << "padding of another";
  EXPECT_EQ(verdict(*jwt, issuer("RSA").sign(R"({"alg":"RS512"})", kGood, "RS256")), "signature") << "digest of another";
  const auto only = by_set(issuer("RSA").jwk(",\"alg\":\"PS256\""));
  EXPECT_EQ(verdict(*only, issuer("RSA").token(kGood, "RS256")), "algorithm") << "the key says PS256";
  EXPECT_EQ(verdict(*only, issuer("RSA").token(kGood, "PS256")), "ok");
  const auto allowed = by_set(issuer("RSA").jwk(), [](settings::JwtT& from) { from.algorithms = {"RS512"}; });
  EXPECT_EQ(verdict(*allowed, issuer("RSA").token(kGood, "RS256")), "algorithm");
  EXPECT_EQ(verdict(*allowed, issuer("RSA").token(kGood, "RS512")), "ok");
}

TEST_F(Tokens, NothingThatAHeaderBringsIsBelieved) {
  const Issuer eve("RSA"), other("RSA");
  const auto jwt = by_set(issuer("RSA").jwk(",\"kid\":\"a\"") + "," + other.jwk(",\"kid\":\"b\""));
  for (const std::string& more : {",\"jwk\":" + eve.jwk(), std::string(R"(,"jku":"https://evil.example/keys")"),
                                  std::string(R"(,"x5u":"https://evil.example/cert")"), std::string(R"(,"x5c":["MII"])")}) {
    EXPECT_EQ(verdict(*jwt, eve.token(kGood, "RS256", more + ",\"kid\":\"a\"")), "signature") << more;
    EXPECT_EQ(verdict(*jwt, issuer("RSA").token(kGood, "RS256", more + ",\"kid\":\"a\"")), "ok") << "it is ignored: " << more;
  }
  EXPECT_EQ(verdict(*jwt, issuer("RSA").token(kGood, "RS256", ",\"kid\":\"b\"")), "signature") << "of the key that it names";
  EXPECT_EQ(verdict(*jwt, issuer("RSA").token(kGood, "RS256")), "ok") << "it names none";
  for (const char* kid : {"../../../../dev/null", "a' UNION SELECT 'x", "/etc/passwd", "A", "a ", "http://evil.example/"})
    EXPECT_EQ(verdict(*jwt, issuer("RSA").token(kGood, "RS256", ",\"kid\":\"" + std::string(kid) + "\"")), "unknown_key") << kid;
  for (const char* kid : {",\"kid\":1", ",\"kid\":[\"a\"]", ",\"kid\":null"})
    EXPECT_EQ(verdict(*jwt, issuer("RSA").token(kGood, "RS256", kid)), "malformed") << kid;
  EXPECT_EQ(verdict(*jwt, issuer("RSA").token(kGood, "RS256", ",\"kid\":\"" + std::string(300, 'a') + "\"")), "malformed");
  for (const char* asks : {R"(,"crit":["exp"],"exp":1)", R"(,"crit":[])", R"(,"b64":false)", R"(,"b64":true)"})
    EXPECT_EQ(verdict(*jwt, issuer("RSA").token(kGood, "RS256", asks)), "critical") << asks;
}

TEST_F(Tokens, AreWrittenInOneWayAlone) {
  const auto jwt = by_set(issuer("RSA").jwk());
  const std::string good = issuer("RSA").token(kGood, "RS256");
  ASSERT_EQ(verdict(*jwt, good), "ok");
  const size_t first = good.find('.'), second = good.rfind('.');
  for (const std::string& bad :
       {good + "=", good + "==", good + ".", good + "..", "." + good, good.substr(0, second), good.substr(0, second) + "." + good,
        good + "\n", " " + good, good.substr(0, first) + " " + good.substr(first), good.substr(0, first) + "=" + good.substr(first),
        good.substr(0, first) + "\n" + good.substr(first), std::string(".."), std::string("."), std::string("a.b.c"),
        std::string("x"), good.substr(0, first + 1) + "+/" + good.substr(first + 3), good + std::string(16 << 10, 'A'),
        base64url(std::string(4000, ' ') + R"({"alg":"RS256"})") + good.substr(first)})
    EXPECT_EQ(verdict(*jwt, bad), "malformed") << bad.substr(0, 80);
  EXPECT_EQ(verdict(*jwt, ""), "missing");
  EXPECT_EQ(verdict(*jwt, good + "A"), "signature") << "a byte more";
  std::string spelled = good;  // the last digit has four bits that say nothing
  ++spelled.back();
  EXPECT_EQ(verdict(*jwt, spelled), "malformed");
}

TEST_F(Tokens, NamesThatStandTwiceAreRefused) {
  const auto jwt = by_set(issuer("RSA").jwk());
  EXPECT_EQ(verdict(*jwt, issuer("RSA").sign(R"({"alg":"none","alg":"RS256"})", kGood, "RS256")), "malformed");
  for (const char* twice : {R"({"sub":"ann","sub":"root","iss":"https://id.example/","aud":"shop","exp":1700000600})",
                            R"({"sub":"ann","\u0073ub":"root","iss":"https://id.example/","aud":"shop","exp":1700000600})",
                            R"({"a":[{"b":1,"b":2}],"iss":"https://id.example/","aud":"shop","exp":1700000600})"})
    EXPECT_EQ(verdict(*jwt, issuer("RSA").token(twice, "RS256")), "malformed") << twice;
  for (const char* broken : {"", "[]", "1", "\"x\"", "{", "{}x", "{\"exp\":1700000600,}", "{'exp':1}", "{\"a\":\"\xff\"}", "null"})
    EXPECT_EQ(verdict(*jwt, issuer("RSA").token(broken, "RS256")), "malformed") << broken;
  EXPECT_EQ(verdict(*jwt, issuer("RSA").token("{\"a\":" + std::string(5000, '[') + std::string(5000, ']') + "}", "RS256")), "malformed");
}

TEST_F(Tokens, AreGoodForTheirTimeAlone) {
  const auto jwt = by_set(issuer("P-256").jwk());
  const auto with = [&](const std::string& times) {
    return verdict(*jwt, issuer("P-256").token(R"({"iss":"https://id.example/","aud":"shop")" + times + "}", "ES256"));
  };
  EXPECT_EQ(with(""), "no_expiry");
  EXPECT_EQ(with(R"(,"exp":1700000001)"), "ok");
  EXPECT_EQ(with(R"(,"exp":1699999971)"), "ok") << "clocks differ";
  EXPECT_EQ(with(R"(,"exp":1699999970)"), "expired");
  EXPECT_EQ(with(R"(,"exp":1700000600.5)"), "ok");
  for (const char* exp : {R"("1700000600")", "null", "true", "[1700000600]", "1e300", "1e400", "1700000600000000000", "{}"})
    EXPECT_THAT(with(R"(,"exp":)" + std::string(exp)), testing::AnyOf("no_expiry", "malformed")) << exp;
  EXPECT_EQ(with(R"(,"exp":-1)"), "expired");
  EXPECT_EQ(with(R"(,"exp":0)"), "expired");
  EXPECT_EQ(with(R"(,"exp":1700000600,"nbf":1700000030)"), "ok");
  EXPECT_EQ(with(R"(,"exp":1700000600,"nbf":1700000031)"), "not_yet");
  EXPECT_EQ(with(R"(,"exp":1700000600,"nbf":"0")"), "not_yet");
  EXPECT_EQ(with(R"(,"exp":1700000600,"iat":1700000031)"), "not_yet");
  EXPECT_EQ(with(R"(,"exp":1700000600,"iat":1699990000)"), "ok");
}

TEST_F(Tokens, AreForThisSiteAndOfItsIssuer) {
  const auto jwt = by_set(issuer("P-256").jwk());
  const auto with = [&](const std::string& claims) {
    return verdict(*jwt, issuer("P-256").token("{\"exp\":1700000600" + claims + "}", "ES256"));
  };
  EXPECT_EQ(with(R"(,"iss":"https://id.example/","aud":"shop")"), "ok");
  for (const char* iss : {R"("https://id.example")", R"("https://id.example/x")", R"(["https://id.example/"])", "null", "1"})
    EXPECT_EQ(with(R"(,"aud":"shop","iss":)" + std::string(iss)), "issuer") << iss;
  EXPECT_EQ(with(R"(,"aud":"shop")"), "issuer");
  for (const char* aud : {R"("Shop")", R"("shop2")", R"(["a","b"])", "[]", "null", R"({"shop":"shop"})", R"([["shop"]])"})
    EXPECT_EQ(with(R"(,"iss":"https://id.example/","aud":)" + std::string(aud)), "audience") << aud;
  const auto typed = by_set(issuer("P-256").jwk(), [](settings::JwtT& from) { from.type = "at+jwt"; });
  const auto of_type = [&](const char* type) {
    return verdict(*typed, issuer("P-256").sign(R"({"alg":"ES256","typ":")" + std::string(type) + "\"}", kGood, "ES256"));
  };
  EXPECT_EQ(of_type("at+jwt"), "ok");
  EXPECT_EQ(of_type("application/AT+JWT"), "ok");
  EXPECT_EQ(of_type("JWT"), "type");
  EXPECT_EQ(verdict(*typed, issuer("P-256").sign(R"({"alg":"ES256"})", kGood, "ES256")), "type");
}

TEST_F(Tokens, ClaimsAreAskedFor) {
  const auto jwt = by_set(issuer("P-256").jwk(), [](settings::JwtT& from) {
    from.issuers.clear(), from.audiences.clear(), from.claims = {"scope=read", "sub", "level=3"};
  });
  const auto with = [&](const std::string& claims) {
    return verdict(*jwt, issuer("P-256").token("{\"exp\":1700000600" + claims + "}", "ES256"));
  };
  EXPECT_EQ(with(R"(,"sub":"a","level":3,"scope":"write read")"), "ok");
  EXPECT_EQ(with(R"(,"sub":"a","level":"3","scope":["read"])"), "ok");
  for (const char* lacking : {R"(,"level":3,"scope":"read")", R"(,"sub":null,"level":3,"scope":"read")", R"(,"sub":"a","level":3,"scope":"readwrite")",
                              R"(,"sub":"a","level":3,"scope":"read2 aread")", R"(,"sub":"a","level":30,"scope":"read")", R"(,"sub":"a","level":{},"scope":"read")"})
    EXPECT_EQ(with(lacking), "lacking") << lacking;
  const auto named = by_set(issuer("P-256").jwk(), [](settings::JwtT& from) {
    from.issuers.clear(), from.audiences.clear(), from.claims = {"name=admin"};
  });
  EXPECT_EQ(verdict(*named, issuer("P-256").token(R"({"exp":1700000600,"name":"not admin"})", "ES256")), "lacking") << "words are scope's alone";
}

TEST_F(Tokens, ClaimsAreTextsThatCanEndNoLine) {
  const auto jwt = by_set(issuer("P-256").jwk(), [](settings::JwtT& from) { from.issuers.clear(), from.audiences.clear(); });
  const std::string payload = R"({"exp":1700000600,"sub":"a\r\nX-Admin: 1","nul":"a\u0000b","good":"Ünn","n":12,"b":true,"l":["x","y"],)"
                              R"("forged":["x,admin"],"o":{"a":1},"mixed":["x",{"a":1}],"none":null})";
  const auto read = jwt->examine(issuer("P-256").token(payload, "ES256"), kNow);
  ASSERT_TRUE(read);
  const Claims& claims = *read->claims;
  for (const char* name : {"sub", "nul", "forged", "o", "mixed", "none", "absent", "exp2"}) EXPECT_EQ(claims.text(name), "") << name;
  EXPECT_EQ(claims.text("good"), "Ünn");
  EXPECT_EQ(claims.text("n"), "12");
  EXPECT_EQ(claims.text("b"), "true");
  EXPECT_EQ(claims.text("l"), "x,y");
}

TEST_F(Tokens, KeysThatAreWeakBrokenOrOpenAreRefused) {
  const auto refusal = [](const auto& read) { return read ? std::string("taken") : read.error().message; };
  EXPECT_THAT(refusal(by_set(Issuer("RSA1024").jwk())), HasSubstr("1024 bits"));
  std::string one = issuer("RSA").jwk();
  one.replace(one.find("\"e\":\"AQAB\""), 10, "\"e\":\"AQ\"");
  EXPECT_THAT(refusal(by_set(one)), HasSubstr("key 1: "));
  std::string moved = issuer("P-256").jwk();
  const size_t x = moved.find("\"x\":\"") + 8;
  moved[x] = moved[x] == 'A' ? 'B' : 'A';
  EXPECT_THAT(refusal(by_set(moved)), HasSubstr("broken")) << "no point of the curve";
  EXPECT_THAT(refusal(by_set(R"({"kty":"oct","k":"c2hvcnQ"})")), HasSubstr("32 are the least"));
  EXPECT_THAT(refusal(by_set(R"({"kty":"oct","k":""})")), HasSubstr("32 are the least"));
  for (const char* nobody : {"", R"({"kty":"RSA","use":"enc","n":"AQ","e":"AQAB"})", R"({"kty":"EC","crv":"secp256k1"})", "1", R"({"kty":"new"})",
                             R"({"kty":"RSA","key_ops":["encrypt"]})", R"({"kty":"RSA","alg":"HS256"})", R"({"kty":"RSA","alg":"RSA-OAEP"})"})
    EXPECT_THAT(refusal(by_set(nobody)), HasSubstr("none of its keys")) << nobody;
  write("open", kSecret, 0644);
  const auto open = refusal(read([this](settings::JwtT& from) { from.secret = folder.file("open"); }));
  EXPECT_THAT(open, HasSubstr("every user"));
  EXPECT_THAT(open, Not(HasSubstr(kSecret)));
  write("pem", issuer("RSA").pem());
  EXPECT_THAT(refusal(read([this](settings::JwtT& from) { from.secret = folder.file("pem"); })), HasSubstr("no secret"));
  write("short", "short");
  EXPECT_THAT(refusal(read([this](settings::JwtT& from) { from.secret = folder.file("short"); })), HasSubstr("32 are the least"));
  write("twice", R"({"keys":[],"keys":[{"kty":"oct"}]})");
  EXPECT_THAT(refusal(read([this](settings::JwtT& from) { from.jwks = folder.file("twice"); })), HasSubstr("a name twice"));
  EXPECT_THAT(refusal(by_set(issuer("RSA").jwk(), [](settings::JwtT& from) { from.algorithms = {"ES256"}; })), HasSubstr("no key for ES256"));
  EXPECT_THAT(refusal(read()), HasSubstr("no key"));
}

TEST_F(Tokens, ASetWithASecretIsHiddenToo) {
  write("set", R"({"keys":[{"kty":"oct","k":")" + base64url(kSecret) + "\"}]}", 0644);
  const auto jwt = read([this](settings::JwtT& from) { from.jwks = folder.file("set"); });
  ASSERT_FALSE(jwt);
  EXPECT_THAT(jwt.error().message, HasSubstr("every user"));
}

TEST_F(Tokens, AreRememberedUntilTheyExpireAndByAllTheirBytes) {
  TokenCache cache;
  const auto claims = std::make_shared<const Claims>(Claims{{{"sub", "ann"}}, kNow + 10, false});
  cache.keep("a.b.c", claims, kNow);
  EXPECT_EQ(cache.find("a.b.c", kNow + 9.9), claims);
  EXPECT_EQ(cache.find("a.b.c", kNow + 10), nullptr);
  EXPECT_EQ(cache.find("a.b.d", kNow), nullptr);
  const auto large = std::make_shared<const Claims>(Claims{{{"sub", std::string(5000, 'x')}}, kNow + 10, false});
  cache.keep("large", large, kNow);
  EXPECT_EQ(cache.find("large", kNow), nullptr) << "memory is bounded";
  for (int i = 0; i < 100'000; ++i) cache.keep(std::to_string(i), claims, kNow);
  size_t kept = 0;
  for (int i = 0; i < 100'000; ++i) kept += cache.find(std::to_string(i), kNow) != nullptr;
  EXPECT_LE(kept, TokenCache::kBuckets * TokenCache::kPlaces);
  EXPECT_GT(kept, TokenCache::kBuckets * TokenCache::kPlaces / 2);
}

TEST(Base64url, IsReadInItsOneSpelling) {
  EXPECT_EQ(decode_base64url(""), "");
  EXPECT_EQ(decode_base64url("Zg"), "f");
  EXPECT_EQ(decode_base64url("Zm8"), "fo");
  EXPECT_EQ(decode_base64url("Zm9v"), "foo");
  EXPECT_EQ(decode_base64url("-_8"), "\xfb\xff");
  for (const char* bad : {"Z", "Zh", "Zm9", "Zg==", "Zg=", "+/8", "Zm 9", "Zm9v\n", "Zm9vZ"}) EXPECT_EQ(decode_base64url(bad), std::nullopt) << bad;
}

TEST(Bearer, IsAWordBeforeTheToken) {
  EXPECT_EQ(bearer_token("Bearer a.b.c"), "a.b.c");
  EXPECT_EQ(bearer_token("bearer   a.b.c "), "a.b.c");
  for (const char* other : {"Basic YTpi", "Bearer", "Bearera.b.c", "", "a.b.c"}) EXPECT_EQ(bearer_token(other), "") << other;
}

}  // namespace
}  // namespace cardea::l7::policy::test
