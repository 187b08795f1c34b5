// What a proxied request costs before and after its I/O, in nanoseconds: parsing its head and deciding its framing,
// finding its route among ten thousand under a thousand hosts (and among ten under two), editing and writing the head
// that goes to the backend, choosing which of ten backends that is.
// One JSON object a line; medians over several rounds. Ends with an error when any of it asked the heap for memory.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/check.h"
#include "l7/http/edit.h"
#include "l7/http/parse_head.h"
#include "l7/route/table.h"
#include "tools/benches/allocations.h"
#include "tools/benches/balance_figures.h"

namespace cardea::l7 {
namespace {

constexpr int kRounds = 15;
constexpr size_t kHosts = 1000, kRoutes = 10'000, kRequests = 1024;

void print(const char* name, double value, const char* unit) {
  std::printf("{\"name\": \"%s\", \"value\": %.1f, \"unit\": \"%s\"}\n", name, value, unit);
}

double median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

std::vector<double> rounds_of_one;

// Nanoseconds a call, over all requests.
template <typename Each>
double time_each(Each&& each) {
  std::vector<double>& rounds = rounds_of_one;
  rounds.clear();
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (size_t i = 0; i < kRequests; ++i) each(i);
    rounds.push_back(std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() /
                     kRequests);
  }
  return median(rounds);
}

struct Site {
  std::vector<std::string> hosts, paths;
  std::vector<route::RouteRow> rows;

  Site(size_t host_count, size_t route_count) {
    for (size_t i = 0; i < host_count; ++i)
      hosts.push_back("shop" + std::to_string(i) + (i % 10 ? ".example.com" : ".example.org"));
    for (size_t i = 0; i < route_count; ++i) paths.push_back("/api/v" + std::to_string(i / host_count) + "/items/");
    for (size_t i = 0; i < route_count; ++i) rows.push_back({"r", {hosts[i % host_count]}, paths[i]});
  }
};

// About 500 bytes and ten headers, as a browser sends them.
std::string request(const Site& site, size_t row) {
  return "GET " + site.paths[row] +
         "4711/picture.jpg?size=large&lang=en HTTP/1.1\r\nHost: " + site.hosts[row % site.hosts.size()] +
         "\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
         "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
         "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n"
         "Cookie: session=0123456789abcdef0123456789\r\nReferer: https://shop.example.com/\r\n"
         "X-Requested-With: fetch\r\nCache-Control: max-age=0\r\n\r\n";
}

struct Exchange {
  std::string bytes;
  http::RequestHead head;
  route::Match match;
  route::PathReading path;
};

void parse(Exchange& exchange) {
  http::HeadScan scan;
  CHECK(http::parse_request_head(exchange.bytes, {}, scan, exchange.head).done());
}

void find(const route::Table& table, Exchange& exchange) {
  exchange.path = *route::read_path(exchange.head.path, {});
  exchange.match = *table.match(exchange.head.authority.host, exchange.path);
}

std::string_view write(const Exchange& exchange, std::span<char> into) {
  http::RequestEdit edit;
  edit.body = *http::request_body(exchange.head);
  edit.options = *http::connection_options(exchange.head.headers);
  edit.path = exchange.path.forward;
  edit.client = "198.51.100.23";
  edit.scheme = "https";
  edit.port = "443";
  const auto written = http::write_request(into, exchange.head, edit);
  CHECK(written.has_value());
  return *written;
}

// What the same costs where there is next to nothing to find it among; the table is in the cache then.
double match_of_ten() {
  const Site site(2, 10);
  const auto table = route::Table::build(site.rows);
  CHECK(table.has_value());
  std::vector<std::unique_ptr<Exchange>> exchanges;
  for (size_t i = 0; i < kRequests; ++i) {
    exchanges.push_back(std::make_unique<Exchange>());
    exchanges.back()->bytes = request(site, i % site.rows.size());
    parse(*exchanges.back());
  }
  return time_each([&](size_t i) { find(*table, *exchanges[i]); });
}

struct BalanceFigures {
  std::vector<std::pair<const char*, double>> ns;
  uint64_t allocations = 0;
};

BalanceFigures measure_balance() {
  BalanceFigures figures;
  figures.ns.reserve(8);
  balance_figures([&](const char* name, const auto& once) {
    const uint64_t before = bench::allocations();
    const double its = time_each(once);
    figures.allocations += bench::allocations() - before;
    figures.ns.emplace_back(name, its);
  });
  return figures;
}

int run() {
  const Site site(kHosts, kRoutes);
  const auto start = std::chrono::steady_clock::now();
  const auto table = route::Table::build(site.rows);
  CHECK(table.has_value());
  print("l7.route.build", std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count(),
        "ms");
  print("l7.route.bytes", double(table->bytes()) / kRoutes, "B/route");

  std::mt19937 random(1);
  std::vector<std::unique_ptr<Exchange>> exchanges;
  for (size_t i = 0; i < kRequests; ++i) {
    exchanges.push_back(std::make_unique<Exchange>());
    exchanges.back()->bytes = request(site, random() % kRoutes);
  }
  std::vector<char> out(4096);
  Exchange& warm = *exchanges[0];  // one request again and again: what the code costs without waiting for memory
  rounds_of_one.reserve(kRounds);
  const double match_ten = match_of_ten();
  const uint64_t before = bench::allocations();
  const double parse_warm = time_each([&](size_t) { parse(warm); });
  const double parse_each = time_each([&](size_t i) { parse(*exchanges[i]); });
  const double match_each = time_each([&](size_t i) { find(*table, *exchanges[i]); });
  const double write_each = time_each([&](size_t i) { write(*exchanges[i], out); });
  const double all_each = time_each([&](size_t i) {
    parse(*exchanges[i]);
    find(*table, *exchanges[i]);
    write(*exchanges[i], out);
  });
  uint64_t asked = bench::allocations() - before;
  const BalanceFigures balance = measure_balance();
  asked += balance.allocations;
  print("l7.head.bytes", double(warm.bytes.size()), "B");
  print("l7.head.parse", parse_warm, "ns");
  print("l7.head.parse.many", parse_each, "ns");
  print("l7.route.match", match_each, "ns");
  print("l7.route.match.ten", match_ten, "ns");
  print("l7.edit.serialise", write_each, "ns");
  print("l7.head.all", all_each, "ns");
  for (const auto& [name, value] : balance.ns) print(name, value, "ns");
  print("l7.head.allocations", double(asked), "allocations");
  return asked == 0 ? 0 : 1;
}

}  // namespace
}  // namespace cardea::l7

int main() {
  return cardea::l7::run();
}
