// The forms a value may take in a document: how it is read, how it is written back and how it is described. A form
// knows nothing of the setting it is used for; schema.h joins the two.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <expected>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip.h"
#include "base/template.h"
#include "conf/config.h"
#include "conf/document.h"

namespace cardea::conf {

// Why a value was not taken. An empty `message` means: not of this form at all; the reader then tells what it found.
struct Mistake {
  std::string message;
  std::string nearest;  // how it was probably meant, as it would be written; may be empty
};

struct Word {
  std::string word, prose;
};

template <typename T>
struct Form {
  std::string kind;         // one word for the manual: "duration"
  std::string expected;     // "a duration from 10ms to 1h, such as \"2s\""
  std::vector<Word> words;  // all there are, when only these are allowed
  std::function<std::expected<T, Mistake>(const Node&)> read;
  std::function<std::string(const T&)> write;  // as it stands in a document, quotes included
};

Form<bool> boolean();
Form<std::string> text(size_t length_max);
Form<std::string> name(size_t length_max);         // letters, digits, '.', '_', '-'
Form<std::string> file_path(const char* example);  // absolute
Form<std::string> ocsp_source();                   // "fetch", or a file_path()
Form<std::string> log_path();                      // absolute, or "stderr"
Form<std::string> log_target();                    // where lines go: a path, "journald", "syslog:192.0.2.9:514" …
Form<std::string> request_target();                // "/verify?level=2": a path with its query
Form<std::string> line_format();                   // "combined", or text with ${fields}
Form<std::string> exchange_filter();               // "status >= 500 && route == api"
Form<std::string> host_pattern();                  // "shop.com", "*.shop.com" or an address; in small letters
Form<std::string> host_name();                     // a host_pattern() for one
Form<std::string> pattern();                       // a regular expression, in RE2's syntax
Form<std::string> method();                        // "GET": a token, in capital letters
Form<std::string> token(size_t length_max);        // what a header or a cookie is called
Form<std::string> id_header();                     // a token that ends in "ID"
Form<std::string> made_path();  // with groups of the path's expression (base/path_template.h)
Form<std::string> target_path();                   // "/new/": where a client can be sent
Form<uint16_t> redirect_status();                  // 301, 302, 303, 307 or 308
Form<std::string> header_text(size_t length_max);  // one line of ASCII
Form<std::string> link_value();                    // of a Link header: "</app.css>; rel=preload"
Form<std::string> header_line(Moment moment);      // "X-Env: ${host}": a header that is to be set
Form<std::string> variables_text(Moment moment);   // "${client_address} ${path}"
Form<std::string> origin();                        // "https://app.example", "https://*.example" or "*"
Form<uint32_t> number_of_ms(std::chrono::milliseconds min, std::chrono::milliseconds max);  // a duration(), as a number
Form<std::string> network();                       // a prefix(), as text
Form<std::string> ja4_pattern();                   // "t13d1516h2_8daaf6152771_d8a2da3f94cd", "t12*"
Form<std::string> country();                       // "DE": two capital letters
Form<std::string> rule_ids();                      // "942100" or "942000-942999"
Form<std::string> header_name();                   // of one that is to be removed
Form<std::string> media_types();                   // "text/html", "text/*", "*+json"; in small letters
Form<std::string> url_path();                      // "/api/": printable ASCII, as it stands in a request
Form<uint64_t> count(uint64_t min, uint64_t max);  // 1000000 or "1M"
Form<uint64_t> size(uint64_t min, uint64_t max);   // bytes: "64MB"; 0 when the range has it
Form<std::chrono::milliseconds> duration(std::chrono::milliseconds min, std::chrono::milliseconds max);
Form<IpAddress> address();
Form<Prefix> prefix();
Form<Endpoint> endpoint();
Form<Listen> listen();
Form<int64_t> whole_number(int64_t min, int64_t max);

// The same for any integer type that holds the range.
template <std::integral T>
Form<T> number(T min, T max) {
  const Form<int64_t> wide = whole_number(int64_t(min), int64_t(max));
  return {wide.kind,
          wide.expected,
          {},
          [wide](const Node& node) -> std::expected<T, Mistake> {
            const auto value = wide.read(node);
            if (!value) return std::unexpected(value.error());
            return T(*value);
          },
          [wide](const T& value) { return wide.write(int64_t(value)); }};
}

Mistake unknown_word(const Node& node, const std::vector<Word>& words);
std::string one_of(const std::vector<Word>& words);
std::string word_literal(std::string_view word);

template <typename E>
struct Choice {
  std::string_view word;
  E value;
  std::string_view prose;
};

template <typename E>
Form<E> word(std::vector<Choice<E>> choices) {
  std::vector<Word> words;
  for (const auto& choice : choices) words.push_back({std::string(choice.word), std::string(choice.prose)});
  return {"word", one_of(words), words,
          [choices, words](const Node& node) -> std::expected<E, Mistake> {
            for (const auto& choice : choices)
              if (node.kind == Node::Kind::kText && node.text == choice.word) return choice.value;
            return std::unexpected(unknown_word(node, words));
          },
          [choices](const E& value) {
            const auto choice = std::ranges::find(choices, value, &Choice<E>::value);
            return word_literal(choice->word);
          }};
}

}  // namespace cardea::conf
