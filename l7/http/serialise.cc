#include "l7/http/serialise.h"

#include <charconv>

namespace cardea::l7::http {
namespace {

struct Digits {
  char text[20];
  std::string_view of(uint64_t value) {
    return {text, size_t(std::to_chars(text, text + sizeof text, value).ptr - text)};
  }
};

struct Phrase {
  uint16_t status;
  std::string_view text;
};
constexpr Phrase kPhrases[] = {{100, "Continue"},
                               {101, "Switching Protocols"},
                               {103, "Early Hints"},
                               {200, "OK"},
                               {201, "Created"},
                               {202, "Accepted"},
                               {204, "No Content"},
                               {206, "Partial Content"},
                               {301, "Moved Permanently"},
                               {302, "Found"},
                               {303, "See Other"},
                               {304, "Not Modified"},
                               {307, "Temporary Redirect"},
                               {308, "Permanent Redirect"},
                               {400, "Bad Request"},
                               {401, "Unauthorized"},
                               {403, "Forbidden"},
                               {404, "Not Found"},
                               {405, "Method Not Allowed"},
                               {408, "Request Timeout"},
                               {409, "Conflict"},
                               {410, "Gone"},
                               {411, "Length Required"},
                               {412, "Precondition Failed"},
                               {413, "Content Too Large"},
                               {414, "URI Too Long"},
                               {416, "Range Not Satisfiable"},
                               {417, "Expectation Failed"},
                               {421, "Misdirected Request"},
                               {426, "Upgrade Required"},
                               {429, "Too Many Requests"},
                               {431, "Request Header Fields Too Large"},
                               {500, "Internal Server Error"},
                               {501, "Not Implemented"},
                               {502, "Bad Gateway"},
                               {503, "Service Unavailable"},
                               {504, "Gateway Timeout"},
                               {505, "HTTP Version Not Supported"}};

}  // namespace

void HeadWriter::request_line(std::string_view method, std::string_view path, bool has_query, std::string_view query) {
  put(method, " ", path, has_query ? "?" : "", query, " HTTP/1.1\r\n");
}

void HeadWriter::status_line(uint16_t status, std::string_view reason) {
  Digits digits;
  put("HTTP/1.1 ", digits.of(status), " ", reason.empty() ? reason_phrase(status) : reason, "\r\n");
}

void HeadWriter::field(std::string_view name, uint64_t value) {
  Digits digits;
  field(name, digits.of(value));
}

Result<std::string_view> HeadWriter::finish() const {
  if (overflow_) return fail("the head does not fit into its buffer");
  return std::string_view(begin_, size_t(at_ - begin_));
}

std::string_view reason_phrase(uint16_t status) {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

}  // namespace cardea::l7::http
