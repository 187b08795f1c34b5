#include "conf/form.h"

#include <fmt/format.h>

#include <optional>

#include "conf/nearest.h"
#include "conf/quote.h"
#include "conf/units.h"

namespace cardea::conf {
namespace {

using Kind = Node::Kind;

std::unexpected<Mistake> refuse(std::string message = {}, std::string nearest = {}) {
  return std::unexpected(Mistake{std::move(message), std::move(nearest)});
}

bool name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool looks_like_host_name(std::string_view text) {
  const std::string_view host = text.substr(0, text.find(':'));
  const bool letters = std::ranges::any_of(host, [](char c) { return (c | 32) >= 'g' && (c | 32) <= 'z'; });
  return letters && std::ranges::all_of(host, name_letter);
}

constexpr uint16_t kPortForExamples = 80;

// "2001:db8::1:80" was probably meant to be "[2001:db8::1]:80".
std::string with_brackets(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos || text.starts_with('[')) return {};
  const auto meant = Endpoint::parse(fmt::format("[{}]{}", text.substr(0, colon), text.substr(colon)));
  return meant ? in_quotes(meant->text()) : "";
}

bool octet_with_leading_zero(std::string_view host) {
  for (size_t i = 0; i + 1 < host.size(); ++i)
    if (host[i] == '0' && (i == 0 || host[i - 1] == '.') && name_letter(host[i + 1]) && host[i + 1] != '.') return true;
  return false;
}

// What of an address can be named; empty: nothing.
std::string odd_address(std::string_view host) {
  if (host.contains('%')) return "a zone such as %eth0 cannot be part of an address here";
  if (!host.contains(':') && octet_with_leading_zero(host)) return "zeros before a number are ambiguous (octal or not)";
  return {};
}

std::string odd_endpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string_view host = text.substr(0, colon), port = colon == text.npos ? "" : text.substr(colon + 1);
  std::string odd = odd_address(host);
  const bool number = !port.empty() && port.find_first_not_of("0123456789") == port.npos;
  if (odd.empty() && number && Endpoint::parse(fmt::format("{}:1", host))) odd = "ports are from 1 to 65535";
  return odd.empty() ? odd : fmt::format("{}: {}", in_quotes(text), odd);
}

constexpr const char* kEveryAddress =
    " names no address: 0.0.0.0 stands for all IPv4 addresses of the host, [::] for its IPv6 ones";

// "*:80", ":80" and "80", as other products write every address of the host.
std::string every_address(std::string_view text) {
  const std::string_view port = text.substr(text.starts_with("*:") ? 2 : text.starts_with(':') ? 1 : 0);
  const auto meant = Endpoint::parse(fmt::format("0.0.0.0:{}", port == "*" ? "80" : port));
  return meant ? in_quotes(meant->text()) : "";
}

std::expected<Endpoint, Mistake> parse_endpoint(const std::string& text) {
  if (const auto value = Endpoint::parse(text)) return *value;
  const std::string shown = in_quotes(text);
  if (const auto lone = IpAddress::parse(text)) {
    if (const std::string meant = with_brackets(text); !meant.empty())
      return refuse(fmt::format("{}: an IPv6 address with a port needs brackets", shown), meant);
    return refuse(shown + " has no port", in_quotes(Endpoint{*lone, kPortForExamples}.text()));
  }
  if (text.starts_with('[') && text.ends_with(']'))
    if (const auto lone = IpAddress::parse(text.substr(1, text.size() - 2)))
      return refuse(shown + " has no port", in_quotes(Endpoint{*lone, kPortForExamples}.text()));
  if (!every_address(text).empty()) return refuse(shown + " names no address");
  if (looks_like_host_name(text)) return refuse(shown + " holds a host name; names are not looked up here");
  return refuse(odd_endpoint(text), with_brackets(text));
}

// A proposal for the endpoint, quotes included, becomes one for the whole.
std::string with_protocol(std::string meant, std::string_view protocol) {
  if (!meant.empty()) meant.insert(meant.size() - 1, protocol);
  return meant;
}

std::expected<Listen, Mistake> parse_listen(const std::string& text) {
  const size_t slash = text.rfind('/');
  const std::string_view protocol_meant = slash == text.npos ? "/tcp" : std::string_view(text).substr(slash);
  const auto endpoint = parse_endpoint(text.substr(0, slash));
  if (!endpoint) {
    Mistake mistake = endpoint.error();
    if (const std::string every = every_address(std::string_view(text).substr(0, slash)); !every.empty())
      mistake = {in_quotes(text) + kEveryAddress, every};
    mistake.nearest = with_protocol(std::move(mistake.nearest), protocol_meant);
    return std::unexpected(std::move(mistake));
  }
  if (slash == text.npos) return refuse(in_quotes(text) + " has no protocol", in_quotes(text + "/tcp"));
  const std::string protocol = text.substr(slash + 1);
  for (Protocol known : {Protocol::kTcp, Protocol::kUdp})
    if (protocol == name(known)) return Listen{*endpoint, known};
  const std::string meant = nearest(protocol, {"tcp", "udp"});
  return refuse(fmt::format("{} has the unknown protocol {}", in_quotes(text), in_quotes(protocol)),
                meant.empty() ? "" : in_quotes(text.substr(0, slash + 1) + meant));
}

// A number given where a number with a unit is due; the value keeps its digits in the proposal.
std::unexpected<Mistake> lacks_unit(const Node& node) {
  if (node.kind != Kind::kInteger || node.integer < 0) return refuse();
  return refuse(fmt::format("{} has no unit", describe(node)), fmt::format("\"{}s\"", node.integer));
}

// 64 where a MiB is the least: nobody means bytes, but "64MB". The smallest unit that fits is proposed.
std::string size_with_unit(uint64_t number, uint64_t min, uint64_t max) {
  for (const char* unit : {"B", "kB", "MB", "GB"}) {
    const std::string text = fmt::format("{}{}", number, unit);
    const auto bytes = parse_size(text);
    if (bytes && *bytes >= min && *bytes <= max) return in_quotes(text);
  }
  return {};
}

constexpr int64_t kShortFrom = 10'000;  // ranges that reach so far are told of "5k"

std::string range_text(std::string_view what, const std::string& min, const std::string& max) {
  return fmt::format("{} from {} to {}", what, min, max);
}

std::string quoted_if_any(const std::string& text) {
  return text.empty() ? text : in_quotes(text);
}

// Also for whole_number(): what is counted may be written as 5000 or "5k" wherever it stands.
std::expected<int64_t, Mistake> read_count(const Node& node) {
  if (node.kind == Kind::kInteger) return node.integer;
  if (node.kind != Kind::kText) return refuse();
  const auto value = parse_count(node.text);
  if (!value) return refuse(value.error().message, quoted_if_any(count_meant(node.text)));
  return int64_t(std::min<uint64_t>(*value, std::numeric_limits<int64_t>::max()));
}

// A number as the operator wrote it, which may have more digits than fit any type.
std::string shown(const Node& number) {
  if (number.kind == Kind::kText) return in_quotes(number.text);
  return number.text.empty() ? std::to_string(number.integer) : number.text;
}

std::string count_literal(uint64_t value) {
  const std::string text = count_text(value);
  return text.find_first_not_of("0123456789") == text.npos ? text : text_literal(text);
}

}  // namespace

Form<bool> boolean() {
  return {"boolean",
          "true or false",
          {},
          [](const Node& node) -> std::expected<bool, Mistake> {
            if (node.kind == Kind::kBoolean) return node.boolean;
            if (node.kind == Kind::kInteger && node.integer == 1) return refuse({}, "true");
            if (node.kind == Kind::kInteger && node.integer == 0) return refuse({}, "false");
            return refuse({}, node.kind == Kind::kText ? boolean_meant(node.text) : "");
          },
          [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

Form<std::string> text(size_t length_max) {
  return {"text",
          fmt::format("text in double quotes, at most {} bytes", length_max),
          {},
          [length_max](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Kind::kText) return refuse();
            if (node.text.size() > length_max)
              return refuse(fmt::format("{} bytes of text are too many", node.text.size()));
            return node.text;
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> name(size_t length_max) {
  return {"name",
          fmt::format("a name of 1 to {} letters, digits, '.', '_' or '-'", length_max),
          {},
          [length_max](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind == Kind::kInteger) return refuse({}, fmt::format("\"{}\"", node.integer));
            if (node.kind != Kind::kText) return refuse();
            if (node.text.empty()) return refuse("the name is empty");
            if (node.text.size() > length_max)
              return refuse(fmt::format("{} is {} letters long", in_quotes(node.text), node.text.size()));
            const auto odd = std::ranges::find_if_not(node.text, name_letter);
            if (odd != node.text.end())
              return refuse(fmt::format("{} holds {}", in_quotes(node.text), in_quotes(std::string(1, *odd))));
            return node.text;
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> file_path(const char* example) {
  return {"path",
          fmt::format("an absolute path, such as \"{}\"", example),
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Kind::kText || (!node.text.empty() && node.text[0] != '/')) return refuse();
            return node.text;
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> ocsp_source() {
  Form<std::string> form = file_path("/etc/cardea/tls/shop.example.der");
  form.expected = "\"fetch\", or " + form.expected;
  form.read = [path = form.read](const Node& node) -> std::expected<std::string, Mistake> {
    if (node.kind == Kind::kText && node.text == "fetch") return node.text;
    return path(node);
  };
  return form;
}

Form<int64_t> whole_number(int64_t min, int64_t max) {
  return {"number",
          range_text("a whole number", std::to_string(min), std::to_string(max)) +
              (max >= kShortFrom ? ", such as 5000 or \"5k\"" : ""),
          {},
          [min, max](const Node& node) -> std::expected<int64_t, Mistake> {
            if (node.kind == Kind::kText && !node.text.empty() &&
                node.text.find_first_not_of("0123456789") == node.text.npos)
              return refuse("the number is written as text", node.text.substr(0, 20));
            const auto value = read_count(node);
            if (!value && max < kShortFrom && node.kind == Kind::kText)
              return refuse(in_quotes(node.text) + " is no number");
            if (!value || (*value >= min && *value <= max)) return value;
            return refuse(fmt::format("{} is too {}", shown(node), *value < min ? "small" : "large"));
          },
          [](const int64_t& value) { return std::to_string(value); }};
}

Form<uint64_t> count(uint64_t min, uint64_t max) {
  const std::string range = range_text("a whole number", count_text(min), count_text(max));
  return {"count",
          range + ", such as 50000 or \"10M\"",
          {},
          [min, max](const Node& node) -> std::expected<uint64_t, Mistake> {
            const auto value = read_count(node);
            if (!value) return std::unexpected(value.error());
            if (*value >= 0 && uint64_t(*value) >= min && uint64_t(*value) <= max) return uint64_t(*value);
            return refuse(fmt::format("{} is too {}", shown(node), *value < int64_t(min) ? "small" : "large"));
          },
          [](const uint64_t& value) { return count_literal(value); }};
}

Form<uint64_t> size(uint64_t min, uint64_t max) {
  return {"size",
          range_text("a size", size_text(min), size_text(max)) + ", such as \"64MB\" or \"1GiB\"",
          {},
          [min, max](const Node& node) -> std::expected<uint64_t, Mistake> {
            if (node.kind == Kind::kInteger && node.integer > 0)
              return refuse(fmt::format("{} has no unit", describe(node)),
                            size_with_unit(uint64_t(node.integer), min, max));
            const bool zero = node.kind == Kind::kInteger ? node.integer == 0 : node.text == "0";
            if (node.kind != Kind::kText && !zero) return refuse();
            const auto value = zero ? Result<uint64_t>(0) : parse_size(node.text);
            if (!value) return refuse(value.error().message, quoted_if_any(size_meant(node.text)));
            if (*value >= min && *value <= max) return *value;
            return refuse(fmt::format("{} is too {}", size_text(*value), *value < min ? "small" : "large"));
          },
          [](const uint64_t& value) { return text_literal(value == 0 ? "0" : size_text(value)); }};
}

Form<std::chrono::milliseconds> duration(std::chrono::milliseconds min, std::chrono::milliseconds max) {
  using std::chrono::milliseconds;
  return {"duration",
          range_text("a duration", duration_text(min), duration_text(max)) + ", such as \"2s\" or \"500ms\"",
          {},
          [min, max](const Node& node) -> std::expected<milliseconds, Mistake> {
            if (node.kind != Kind::kText) return lacks_unit(node);
            const auto value = parse_duration(node.text);
            if (!value) return refuse(value.error().message, quoted_if_any(duration_meant(node.text)));
            if (*value >= min && *value <= max) return *value;
            return refuse(fmt::format("{} is too {}", duration_text(*value), *value < min ? "short" : "long"));
          },
          [](const milliseconds& value) { return text_literal(duration_text(value)); }};
}

Form<IpAddress> address() {
  return {"address",
          "an IPv4 or IPv6 address, such as \"192.0.2.1\" or \"2001:db8::1\"",
          {},
          [](const Node& node) -> std::expected<IpAddress, Mistake> {
            if (node.kind != Kind::kText) return refuse();
            if (const auto value = IpAddress::parse(node.text)) return *value;
            if (const auto longer = Prefix::parse(node.text))
              return refuse(in_quotes(node.text) + " has a prefix length", in_quotes(longer->address.text()));
            if (const auto longer = Endpoint::parse(node.text))
              return refuse(in_quotes(node.text) + " has a port", in_quotes(longer->address.text()));
            const std::string odd = odd_address(node.text);
            return refuse(odd.empty() ? odd : fmt::format("{}: {}", in_quotes(node.text), odd));
          },
          [](const IpAddress& value) { return text_literal(value.text()); }};
}

Form<Prefix> prefix() {
  return {"prefix",
          "an address with the length of its network's prefix, such as \"192.0.2.2/24\" or \"2001:db8::2/64\"",
          {},
          [](const Node& node) -> std::expected<Prefix, Mistake> {
            if (node.kind != Kind::kText) return refuse();
            if (const auto value = Prefix::parse(node.text)) return *value;
            if (const auto lone = IpAddress::parse(node.text))
              return refuse(in_quotes(node.text) + " has no prefix length");
            if (const auto lone = IpAddress::parse(node.text.substr(0, node.text.find('/'))))
              return refuse(fmt::format("{}: the length of an {} prefix is from 0 to {}", in_quotes(node.text),
                                        lone->is_v4() ? "IPv4" : "IPv6", lone->is_v4() ? 32 : 128));
            return refuse();
          },
          [](const Prefix& value) { return text_literal(value.text()); }};
}

Form<Endpoint> endpoint() {
  return {"endpoint",
          "an address with a port, such as \"192.0.2.1:80\" or \"[2001:db8::1]:80\"",
          {},
          [](const Node& node) { return node.kind == Kind::kText ? parse_endpoint(node.text) : refuse(); },
          [](const Endpoint& value) { return text_literal(value.text()); }};
}

Form<Listen> listen() {
  return {"listen",
          "an address with port and protocol, such as \"192.0.2.1:80/tcp\" or \"[2001:db8::1]:53/udp\"",
          {},
          [](const Node& node) { return node.kind == Kind::kText ? parse_listen(node.text) : refuse(); },
          [](const Listen& value) {
            return text_literal(fmt::format("{}/{}", value.endpoint.text(), cardea::name(value.protocol)));
          }};
}

std::string word_literal(std::string_view word) {
  return text_literal(word);
}

std::string one_of(const std::vector<Word>& words) {
  std::string text = words.size() > 1 ? "one of " : "";
  for (size_t i = 0; i < words.size(); ++i) text.append(i == 0 ? "" : ", ").append(in_quotes(words[i].word));
  return text;
}

Mistake unknown_word(const Node& node, const std::vector<Word>& words) {
  if (node.kind != Kind::kText) return {};
  std::vector<std::string> known;
  for (const Word& word : words) known.push_back(word.word);
  const std::string meant = nearest(node.text, known);
  return {fmt::format("unknown word {}", in_quotes(node.text)), meant.empty() ? "" : in_quotes(meant)};
}

}  // namespace cardea::conf
