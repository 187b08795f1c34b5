#include "l7/control/ocsp_fetch.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/http.h>

#include <memory>

#include "l7/tls/crypto_library.h"
#include "l7/tls/staple.h"

namespace cardea::l7 {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, BioFree>;

struct TextFree {
  void operator()(char* text) const { OPENSSL_free(text); }
};
using Text = std::unique_ptr<char, TextFree>;

struct Url {
  Text host, port, path;
};

Result<Url> parse(const std::string& url) {
  int tls = 0;
  char *host = nullptr, *port = nullptr, *path = nullptr;
  if (OSSL_HTTP_parse_url(url.c_str(), &tls, nullptr, &host, &port, nullptr, &path, nullptr, nullptr) != 1)
    return tls::fail_openssl("\"" + url + "\" is no URL");
  Url parsed{Text(host), Text(port), Text(path)};
  if (tls != 0) return fail("\"" + url + "\": responders are asked over plain HTTP");
  return parsed;
}

}  // namespace

Result<std::string> fetch_ocsp(const std::string& url, std::string_view question, std::chrono::seconds timeout) {
  const auto at = parse(url);
  if (!at) return std::unexpected(at.error());
  const Bio request(BIO_new_mem_buf(question.data(), int(question.size())));
  if (!request) return fail("out of memory");
  const Bio answer(OSSL_HTTP_transfer(nullptr, at->host.get(), at->port.get(), at->path.get(), 0, "", nullptr, nullptr,
                                      nullptr, nullptr, nullptr, 0, nullptr, "application/ocsp-request", request.get(),
                                      "application/ocsp-response", 1, tls::kStapleBytesMax, int(timeout.count()), 0));
  if (!answer) return tls::fail_openssl(url);
  std::string text(tls::kStapleBytesMax + 1, '\0');
  size_t size = 0;
  for (int more = 1; size < text.size() && more > 0; size += size_t(std::max(more, 0)))
    more = BIO_read(answer.get(), text.data() + size, int(text.size() - size));
  text.resize(size);
  return text;
}

}  // namespace cardea::l7
