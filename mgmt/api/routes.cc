#include "mgmt/api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <expected>
#include <future>
#include <iterator>
#include <thread>

#include "conf/nearest.h"
#include "mgmt/api/answers.h"
#include "mgmt/api/away.h"
#include "mgmt/api/json.h"
#include "mgmt/api/limits.h"
#include "mgmt/metrics/traffic.h"

namespace cardea::mgmt::api {
namespace {

constexpr uint32_t kFlowsDefault = 100;
constexpr uint32_t kWeightMax = 65'535;
constexpr std::chrono::milliseconds kReadingsApart{100};
constexpr std::chrono::milliseconds kLookAgain{100};  // whether the process is being stopped

// A promise that its loop keeps later: the answer comes when the work has ended, not when it was begun.
template <typename T, typename Begin>
T wait_for(EventLoop& loop, Begin begin) {
  auto promise = std::make_shared<std::promise<T>>();
  auto answer = promise->get_future();
  loop.post([promise = std::move(promise), begin = std::move(begin)]() mutable { begin(std::move(promise)); });
  while (answer.wait_for(kLookAgain) != std::future_status::ready)
    if (loop.stopped()) throw std::future_error(std::future_errc::broken_promise);  // server.cc answers that
  return answer.get();
}

Result<uint32_t> number(const std::string& text, uint32_t low, uint32_t high) {
  uint32_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < low || value > high)
    return fail(fmt::format("\"{}\" is not a number from {} to {}", text, low, high));
  return value;
}

Result<> read_state(const Json& body, BackendOrder& order) {
  if (!body.contains("state")) return {};
  const auto& word = body.at("state");
  order.order = word.is_string() ? order_of(word.get<std::string>()) : std::nullopt;
  if (!order.order) return fail(fmt::format("state {} is not one of ready, drain, maint", dump(word)));
  return {};
}

Result<> read_weight(const Json& body, BackendOrder& order) {
  if (!body.contains("weight")) return {};
  const auto& weight = body.at("weight");
  if (weight.is_null() || weight == "config") {
    order.weight.emplace(std::nullopt);
    return {};
  }
  if (!weight.is_number_integer() || weight < 0 || weight > kWeightMax)
    return fail(fmt::format("weight {} is neither a number from 0 to {} nor \"config\"", dump(weight), kWeightMax));
  order.weight.emplace(weight.get<uint32_t>());
  return {};
}

Result<BackendOrder> read_order(BackendRef ref, const std::string& text) {
  const auto body = Json::parse(text, nullptr, false);
  if (!body.is_object()) return fail(R"(the body has to be JSON like {"state": "drain"} or {"weight": 5})");
  for (const auto& [field, value] : body.items())
    if (field != "state" && field != "weight")
      return fail(fmt::format("unknown field \"{}\"; there is state and weight", field));
  BackendOrder order{std::move(ref), {}, {}};
  if (auto read = read_state(body, order); !read) return std::unexpected(std::move(read.error()));
  if (auto read = read_weight(body, order); !read) return std::unexpected(std::move(read.error()));
  if (!order.order && !order.weight) return fail("the body has neither a state nor a weight");
  return order;
}

int status_of(const control::Failure& failure) {
  if (failure.origin == Origin::kBackend) return 409;
  return failure.code == control::Code::kLate ? 504 : 503;
}

int status_of(const Reload& reload) {
  if (reload.success()) return 200;
  return reload.ending == Reload::Ending::kRefused ? 409 : 422;
}

std::vector<std::string> pool_names(const View& view) {
  std::vector<std::string> names;
  if (view.in_force)
    for (const auto& pool : view.in_force.config->pools) names.push_back(pool.name);
  return names;
}

std::vector<std::string> names_of_services(const View& view, bool (*wanted)(const conf::Service&)) {
  std::vector<std::string> names;
  if (view.in_force)
    for (const auto& service : view.in_force.config->services)
      if (wanted(service)) names.push_back(service.name);
  return names;
}

bool is_http(const conf::Service& service) {
  return service.mode == conf::Mode::kHttp;
}

// An empty name is no wish.
std::optional<Answer> refuse_unknown(const char* what, const std::string& name, const std::vector<std::string>& known) {
  if (name.empty() || std::ranges::find(known, name) != known.end()) return std::nullopt;
  constexpr size_t kShown = 20;
  std::string hint;
  if (const auto near = conf::nearest(name, known); !near.empty()) {
    hint = fmt::format("did you mean {}?", near);
  } else if (!known.empty() && known.size() <= kShown) {
    hint = fmt::format("there is {}", fmt::join(known, ", "));
  }
  return error(404, fmt::format("there is no {} {}", what, name), hint);
}

std::optional<Answer> refuse_service(const View& view, const std::string& name) {
  return refuse_unknown("http service", name, names_of_services(view, is_routed));
}

// What a client would ask for that knows the service's address and nothing else.
std::string url_at(const conf::Service& service, const std::string& path) {
  return fmt::format("{}://{}{}", service.tls ? "https" : "http", service.listen.front().endpoint.text(), path);
}

// A path alone is for the service that is named, or the only one.
std::expected<std::string, Answer> url_of(const View& view, const std::string& url, const std::string& service) {
  if (!url.starts_with('/')) return url;
  const auto names = names_of_services(view, is_http);
  const std::string taker = service.empty() && names.size() == 1 ? names[0] : service;
  if (taker.empty())
    return std::unexpected(error(400,
                                 fmt::format("{} is no URL, and {} http services might take it", url, names.size()),
                                 "a URL such as https://shop.com/cart, or --service SERVICE"));
  return url_at(*std::ranges::find(view.in_force.config->services, taker, &conf::Service::name), url);
}

// Of a packet whose protocol was not said: what the service takes that has its destination.
std::string protocol_at(const View& view, const std::string& destination) {
  bool tcp = false, udp = false;
  const auto at = Endpoint::parse(destination);
  if (view.in_force && at)
    for (const auto& service : view.in_force.config->services)
      for (const auto& listen : service.listen)
        if (listen.endpoint == *at) (listen.protocol == Protocol::kUdp ? udp : tcp) = true;
  return udp && !tcp ? "udp" : "tcp";
}

std::optional<Answer> refuse_url(const std::string& url) {
  if (url.starts_with("http://") || url.starts_with("https://")) return std::nullopt;
  return error(400, fmt::format("{} is no URL of http or https", url), "such as https://shop.com/images/a.png");
}

std::optional<Answer> refuse_endpoint(const char* what, const std::optional<std::string>& text) {
  if (!text) return error(400, fmt::format("parameter {} is missing", what), "an address and a port: 192.0.2.7:40000");
  if (const auto endpoint = Endpoint::parse(*text); !endpoint)
    return error(400, fmt::format("{} {}: {}", what, *text, endpoint.error().message),
                 "an address and a port: 192.0.2.7:40000 or [2001:db8::7]:40000");
  return std::nullopt;
}

}  // namespace

Answer error(int status, const std::string& message, const std::string& hint) {
  return {status, error_json(message, hint)};
}

View Routes::view() {
  return loop_.ask([this] { return site_.view(); }).get();
}

metrics::Traffic Routes::traffic() const {
  return metrics::Traffic::read({site_.stats_path(kDataplane), site_.stats_path(kL7)});
}

Answer Routes::ask(const Consumer& process, const Json& question) {
  auto answer = site_.link(process).ask(dump(question)).get();
  if (answer) return {200, std::move(*answer)};
  if (const auto now = view();
      now.in_force && !process.concerned(*now.in_force.config) && answer.error().retry == Retry::kSafe)
    return error(404, fmt::format("this site runs without {}", process.process),
                 fmt::format("its configuration has no `{}` section", process.name));
  if (answer.error().code == control::Code::kNoPlan)
    return error(409, fmt::format("{} runs no plan yet", process.process),
                 "cardea status tells what keeps it from one");
  const auto hint = answer.error().retry == Retry::kSafe
                        ? fmt::format("{0} alone can tell this: is it running (systemctl status {0})?", process.process)
                        : std::string();
  return error(status_of(answer.error()), answer.error().message, hint);
}

std::optional<std::string> Routes::words_of_l7(const char* question) {
  auto answer = site_.l7().ask(question).get();
  if (!answer) return std::nullopt;
  return std::move(*answer);
}

// The first status for long takes a moment more: how busy cores are takes two readings.
std::optional<std::string> Routes::dataplane_status(std::vector<CoreBusy>& cores) {
  using Clock = std::chrono::steady_clock;
  std::optional<std::string> words;
  for (const bool last : {cores_.comparable(Clock::now()), true}) {
    auto answer = site_.dataplane().ask(R"({"ask":"status"})").get();
    if (!answer) return std::nullopt;
    cores = cores_.take(core_reading(*answer, Clock::now()));
    words = std::move(*answer);
    if (last) break;
    std::this_thread::sleep_for(kReadingsApart);
  }
  return words;
}

Answer Routes::status() {
  Facts facts{{}, {}, {}, {}, {}, {}, {}, site_.folders().config_file, started_at_};
  facts.links = {{kDataplane.name, site_.dataplane().link()}, {kL7.name, site_.l7().link()}};
  facts.dataplane_status = dataplane_status(facts.cores);
  facts.l7_status = words_of_l7(R"({"ask":"status"})");
  facts.l7_certs = words_of_l7(R"({"ask":"certs","due":true})");
  facts.losses = metrics::losses({site_.stats_path(kDataplane), site_.stats_path(kL7)}, site_.checker().counters());
  facts.health = site_.checker().status();
  const auto now = view();
  return {200, status_json(now, facts)};
}

Answer Routes::services() {
  return {200, services_json(view(), traffic())};
}

Answer Routes::routes(const Parameter& parameter) {
  const auto now = view();
  const auto service = parameter("service").value_or("");
  if (auto unknown = refuse_unknown("service", service, names_of_services(now, is_routed))) return *unknown;
  return {200, routes_json(now, traffic(), service)};
}

Answer Routes::pools() {
  return {200, pools_json(view(), traffic())};
}

Answer Routes::backends(const Parameter& parameter) {
  const auto now = view();
  const auto pool = parameter("pool").value_or("");
  if (auto unknown = refuse_unknown("pool", pool, pool_names(now))) return *unknown;
  return {200, backends_json(now, site_.checker().status(), traffic(), pool)};
}

Answer Routes::certs() {
  auto answer = ask(kL7, {{"ask", "certs"}});
  if (answer.status == 200) answer.body = certs_json(answer.body, std::chrono::system_clock::now());
  return answer;
}

Answer Routes::cache() {
  auto answer = ask(kL7, {{"ask", "cache"}});
  if (answer.status == 200) answer.body = cache_json(answer.body, traffic());
  return answer;
}

Answer Routes::limits() {
  const auto now = view();
  const auto answer = ask(kL7, {{"ask", "limits"}});
  const bool there = answer.status == 200;
  return {200, limits_json(there ? answer.body : "{}", now.runtime, std::chrono::system_clock::now(), there ? Json::array() : away_rows(now))};
}

namespace {

// An address alone, or as `show limits` writes a network: all that is blocked by one block.
Result<IpAddress> blocked_source(const std::string& text) {
  if (text.find('/') == std::string::npos) return IpAddress::parse(text);
  auto prefix = Prefix::parse(text);
  if (!prefix) return std::unexpected(std::move(prefix.error()));
  if (prefix->length != (prefix->address.is_v4() ? 32 : 64)) return fail("an address, or of IPv6 a network /64");
  return prefix->address;
}

}  // namespace

Answer Routes::unblock(const std::string& body) {
  const auto json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("address") || !json["address"].is_string())
    return error(400, R"(the body has to be JSON like {"address": "192.0.2.7"})");
  const auto address = blocked_source(json["address"].get<std::string>());
  if (!address) return error(400, "address: " + address.error().message);
  const bool was_blocked = wait_for<bool>(loop_, [this, &address](auto promise) { promise->set_value(site_.unblock(*address)); });
  if (!was_blocked) return error(404, fmt::format("{} is not blocked", address->text()));
  return {200, dump({{"unblocked", address->text()}})};
}

Answer Routes::exchanges(const Parameter& parameter) {
  const auto limit = number(parameter("limit").value_or(std::to_string(kExchangesDefault)), 1, kExchangesMax);
  if (!limit) return error(400, "limit: " + limit.error().message);
  const auto kind = parameter("kind").value_or("");
  if (auto unknown = refuse_unknown("kind of exchanges called", kind, {"failed", "refused", "slow"})) return *unknown;
  return ask(kL7, {{"ask", "exchanges"}, {"kind", kind}, {"limit", *limit}});
}

Answer changes(const Audit& audit, const Parameter& parameter) {
  const auto limit = number(parameter("limit").value_or(std::to_string(kChangesDefault)), 1, kChangesMax);
  if (!limit) return error(400, "limit: " + limit.error().message);
  return {200, dump({{"changes", audit.last(*limit)}})};
}

Answer Routes::tail(const Parameter& parameter) {
  const auto given = number(parameter("number").value_or("0"), 0, UINT32_MAX);
  if (!given) return error(400, "number: " + given.error().message);
  return ask(kL7, {{"ask", "tail"},
                   {"number", *given},
                   {"filter", parameter("filter").value_or("")},
                   {"end", parameter("end").has_value()}});
}

Answer Routes::connections(const Parameter& parameter) {
  const auto limit = number(parameter("limit").value_or(std::to_string(kConnectionsDefault)), 1, kConnectionsMax);
  if (!limit) return error(400, "limit: " + limit.error().message);
  const auto peer = parameter("peer").value_or("");
  if (!peer.empty())
    if (auto address = IpAddress::parse(peer); !address) return error(400, "peer: " + address.error().message);
  return ask(kL7, {{"ask", "connections"}, {"peer", peer}, {"limit", *limit}});
}

Answer Routes::purge(const std::string& body) {
  const auto json = Json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("url") || !json["url"].is_string())
    return error(400, R"(the body has to be JSON like {"url": "https://shop.com/images/a.png"})");
  const auto url = json["url"].get<std::string>();
  if (auto refused = refuse_url(url)) return *refused;
  return ask(kL7, {{"ask", "purge"}, {"url", url}});
}

Answer Routes::set_backend(const std::string& pool, const std::string& backend, const std::string& body) {
  const auto endpoint = Endpoint::parse(backend);
  const BackendRef ref{pool, endpoint ? endpoint->text() : backend};
  auto order = read_order(ref, body);
  if (!order) return error(400, order.error().message);
  const auto ending = wait_for<OrderEnding>(loop_, [this, order = std::move(*order)](auto promise) {
    site_.order(order, [promise](OrderEnding how) { promise->set_value(std::move(how)); });
  });
  if (ending.kind == OrderEnding::Kind::kUnknown) return error(404, ending.error, ending.hint);
  if (ending.kind == OrderEnding::Kind::kNotStored) return error(500, ending.error, ending.hint);
  return {200, order_json(ending, view(), ref, site_.checker().status(), traffic())};
}

Answer Routes::reload() {
  constexpr const char* kCerts = R"({"ask":"certs"})";
  const auto before = words_of_l7(kCerts);
  auto how = wait_for<Reload>(
      loop_, [this](auto promise) { site_.reload([promise](const Reload& ended) { promise->set_value(ended); }); });
  const auto after = how.success() ? words_of_l7(kCerts) : std::nullopt;
  if (const auto now = view(); after && now.in_force) {
    auto news = told_.news(before.value_or(""), *after, *now.in_force.config);
    std::ranges::move(news.changes, std::back_inserter(how.changes));
    std::ranges::move(news.findings, std::back_inserter(how.findings));
  }
  return {status_of(how), reload_json(how)};
}

Answer Routes::flows(const Parameter& parameter) {
  const auto limit = number(parameter("limit").value_or(std::to_string(kFlowsDefault)), 1, kFlowsMax);
  if (!limit) return error(400, "limit: " + limit.error().message);
  Json question{{"ask", "flows"}, {"limit", *limit}};
  for (const char* name : {"service", "backend", "client"})
    if (auto value = parameter(name)) question[name] = *value;
  return ask(kDataplane, question);
}

namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end != 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

Answer Routes::explain(const Parameter& parameter) {
  if (const auto id = parameter("id")) return ask(kL7, {{"ask", "exchanges"}, {"id", *id}});
  return parameter("url") ? explain_request(parameter) : explain_packet(parameter);
}

Answer Routes::explain_packet(const Parameter& parameter) {
  const auto source = parameter("source"), destination = parameter("destination");
  if (auto refused = refuse_endpoint("source", source)) return *refused;
  if (auto refused = refuse_endpoint("destination", destination)) return *refused;
  const auto said = parameter("protocol");
  const auto protocol = said ? *said : protocol_at(view(), *destination);
  if (protocol != "tcp" && protocol != "udp")
    return error(400, fmt::format("protocol {} is neither tcp nor udp", protocol));
  return ask(kDataplane,
             {{"ask", "explain"}, {"source", *source}, {"destination", *destination}, {"protocol", protocol}});
}

Answer Routes::explain_request(const Parameter& parameter) {
  const auto now = view();
  const auto service = parameter("service").value_or("");
  if (auto refused = refuse_service(now, service)) return *refused;
  const auto url = url_of(now, *parameter("url"), service);
  if (!url) return url.error();
  if (auto refused = refuse_url(*url)) return *refused;
  Json question{{"ask", "explain"}, {"method", parameter("method").value_or("GET")}, {"url", *url}};
  if (const auto client = parameter("client")) {
    if (auto refused = refuse_endpoint("client", client)) return *refused;
    question["client"] = *client;
  }
  if (!service.empty()) question["service"] = service;
  if (const auto headers = parameter("headers")) question["headers"] = lines_of(*headers);
  return ask(kL7, question);
}

Answer Routes::version() {
  return {200, version_json()};
}

}  // namespace cardea::mgmt::api
