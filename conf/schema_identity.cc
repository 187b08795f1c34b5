// Rows of policies that find out who asks, by what a request brings.
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;

Form<std::string> token_algorithm() {
  return word<std::string>({{"RS256", "RS256", "RSA with SHA-256"},
                            {"RS384", "RS384", "RSA with SHA-384"},
                            {"RS512", "RS512", "RSA with SHA-512"},
                            {"PS256", "PS256", "RSA-PSS with SHA-256"},
                            {"PS384", "PS384", "RSA-PSS with SHA-384"},
                            {"PS512", "PS512", "RSA-PSS with SHA-512"},
                            {"ES256", "ES256", "the curve P-256"},
                            {"ES384", "ES384", "the curve P-384"},
                            {"EdDSA", "EdDSA", "Ed25519"},
                            {"HS256", "HS256", "a secret, with SHA-256"},
                            {"HS384", "HS384", "a secret, with SHA-384"},
                            {"HS512", "HS512", "a secret, with SHA-512"}});
}

}  // namespace

const char* how_tokens_are_verified() {
  return "How a token is verified is the key's to say: what its header names beside the algorithm's word and the key's id is "
         "neither followed nor fetched (jku, x5u, jwk), and one that asks for more (crit) is refused, as are \"none\", names that "
         "stand twice, padding, and more than 16 KiB. It has to have exp; nbf and iat are heeded where they are there. A "
         "token that was verified is remembered until it expires, or until the next reload, of some thousand each; what is "
         "signed by a curve, or with more than 2048 bits of RSA, is verified beside the shards, and where too many wait for that "
         "a request is answered with 503 (tokens_busy). Claims are variables, \"${jwt:sub}\", and sub is the access log's user; "
         "rate limits with such a key count behind this. Such answers are cached as those to requests with Authorization "
         "are: where the backend says that others may have them.";
}

const Section& jwt_section() {
  using settings::JwtT;
  static const Section section = section_of<JwtT>(
      "jwt", "",
      {
          value("enabled", &JwtT::enabled, boolean(),
                {.prose = "Whether a token is asked for: false takes a route out of what its service asks.",
                 .example = "enabled = false;"}),
          value("jwks", &JwtT::jwks, file_path("/etc/cardea/jwks.json"),
                {.prose = "File of keys (a JSON Web Key Set, RFC 7517): of RSA, P-256, P-384, Ed25519 and secrets those that are "
                          "for signatures. It is read by cardea-l7 at each reload.",
                 .example = "jwks = \"/etc/cardea/jwks.json\";",
                 .unset = "none"}),
          value("public_keys", &JwtT::public_keys, file_path("/etc/cardea/issuer.pem"),
                {.prose = "Files of a public key or a certificate each (PEM), beside those of jwks.",
                 .example = "public_keys = [\"/etc/cardea/issuer.pem\"];",
                 .count_max = 8,
                 .unset = "none"}),
          value("secret", &JwtT::secret, file_path("/etc/cardea/token-secret"),
                {.prose = "File of the secret, of 32 bytes or more, that HS256 and its kin are signed with; a line's end behind "
                          "it does not belong to it. Refused where every user of the host can read it.",
                 .example = "secret = \"/etc/cardea/token-secret\";",
                 .unset = "none"}),
          value("algorithms", &JwtT::algorithms, token_algorithm(),
                {.prose = "Algorithms that tokens may be signed by, of those that the keys are for.",
                 .example = "algorithms = [\"ES256\"];",
                 .count_max = 12,
                 .unset = "all that the keys are for"}),
          value("issuers", &JwtT::issuers, header_text(256),
                {.prose = "Who may have issued it: its claim iss is one of these.",
                 .example = "issuers = [\"https://id.example/\"];",
                 .count_max = 16,
                 .unset = "whoever has one of the keys"}),
          value("audiences", &JwtT::audiences, header_text(256),
                {.prose = "Whom it has to be for: its claim aud is, or has, one of these. Left out, a token that the issuer "
                          "gave for another site opens this one too.",
                 .example = "audiences = [\"shop\"];",
                 .count_max = 16,
                 .unset = "whomever"}),
          value("claims", &JwtT::claims, header_text(256),
                {.prose = "Claims that it has to have, all of them: \"NAME\", or \"NAME=VALUE\" where the claim is that or a list "
                          "that has it; scope may be a text of several words.",
                 .example = "claims = [\"scope=orders\", \"email_verified=true\"];",
                 .count_max = 16,
                 .unset = "none"}),
          value("type", &JwtT::type, token(64),
                {.prose = "What its header says that it is (typ), in small letters: \"at+jwt\" lets nobody in by a token that "
                          "only told a site who logged in.",
                 .example = "type = \"at+jwt\";",
                 .unset = "anything"}),
          value("leeway", &JwtT::leeway_ms, number_of_ms(0ms, 10min), {.prose = "How far the issuer's clock may be from ours."}),
          value("header", &JwtT::header, header_name(),
                {.prose = "The header that it stands in, with or without \"Bearer\" before it.",
                 .example = "header = \"X-Access-Token\";",
                 .unset = "Authorization, behind \"Bearer\""}),
          value("cookie", &JwtT::cookie, token(64),
                {.prose = "The cookie that it is, in place of a header's; there once, or nobody's. Backends see it as they see other cookies.",
                 .example = "cookie = \"session\";",
                 .unset = "none"}),
          value("realm", &JwtT::realm, header_text(128),
                {.prose = "What clients are told that it is for.", .example = "realm = \"api\";", .unset = "the service's name"}),
          value("forward", &JwtT::forward, boolean(), {.prose = "Whether backends see the header that it stands in."}),
      });
  return section;
}

const Section& api_keys_section() {
  using settings::ApiKeysT;
  static const Section section = section_of<ApiKeysT>(
      "api_keys", "",
      {
          value("enabled", &ApiKeysT::enabled, boolean(),
                {.prose = "Whether a key is asked for: false takes a route out of what its service asks.",
                 .example = "enabled = false;"}),
          value("file", &ApiKeysT::file, file_path("/etc/cardea/api-keys"),
                {.prose = "File of NAME:KEY lines, or NAME:sha256:HEX where it shall not tell them (HEX as `printf %s KEY | sha256sum` "
                          "prints it). A key is of 16 to 512 letters, digits and -._~+/=, and should be random. Refused where every "
                          "user of the host can read it; read by cardea-l7 at each reload.",
                 .example = "file = \"/etc/cardea/api-keys\";",
                 .unset = "none"}),
          value("header", &ApiKeysT::header, header_name(),
                {.prose = "The header that a key stands in.", .example = "header = \"X-Token\";", .unset = "X-API-Key"}),
          value("query", &ApiKeysT::query, token(64),
                {.prose = "The query's parameter that it may be where there is no such header. Backends see it, and so does "
                          "whoever reads logs that do not mask queries.",
                 .example = "query = \"api_key\";",
                 .unset = "none"}),
          value("realm", &ApiKeysT::realm, header_text(128),
                {.prose = "What clients are told that it is for.", .example = "realm = \"api\";", .unset = "the service's name"}),
          value("forward", &ApiKeysT::forward, boolean(), {.prose = "Whether backends see the header too."}),
      });
  return section;
}

}  // namespace cardea::conf
