// What the web application firewall takes for a request, in microseconds: of a worker with the core rule set at paranoia level
// 1, for requests of several kinds, and what lies between its own time and that of whoever asks (a connection, the bytes, two
// processes' turns). One JSON object a line; medians. tools/benches/bench_waf_nginx.py has the same requests for nginx.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/file_descriptor.h"
#include "l7/waf/generation.h"
#include "l7/waf/message.h"
#include "l7/waf/presets.h"

namespace cardea::l7::waf {
namespace {

constexpr int kAsks = 300;

struct Kind {
  const char* name;
  const char* method;
  std::string uri, type, body;
};

std::string form_of_20() {
  std::string form;
  for (int i = 0; i < 20; ++i) form += (i ? "&field" : "field") + std::to_string(i) + "=some+words+of+a+text+that+is+typed";
  return form;
}

std::string json_of_60() {
  std::string json = "[";
  for (int i = 0; i < 20; ++i) json += std::string(i ? "," : "") + R"({"sku":"A-17","count":3,"note":"a gift"})";
  return json + "]";
}

std::vector<Kind> kinds() {
  return {{"get", "GET", "/shop/shoes", "", ""},
          {"get_5_arguments", "GET", "/search?q=red+shoes&page=2&sort=price&size=42&lang=de", "", ""},
          {"form_20_fields", "POST", "/order", "application/x-www-form-urlencoded", form_of_20()},
          {"json_60_leaves", "POST", "/order", "application/json", json_of_60()},
          {"sql_refused", "GET", "/item?id=1%27%20OR%20%271%27=%271", "", ""}};
}

std::string question_of(const Kind& kind) {
  const std::string length = std::to_string(kind.body.size());
  Question q{.client = "192.0.2.7", .server = "192.0.2.1", .client_port = 50123, .server_port = 443, .method = kind.method,
             .uri = kind.uri, .version = "1.1",
             .headers = {{"Host", "shop.example"}, {"User-Agent", "Mozilla/5.0"}, {"Accept", "*/*"}}, .body = {}};
  if (!kind.type.empty()) q.headers.push_back({"Content-Type", kind.type}), q.headers.push_back({"Content-Length", length});
  const std::string terms = write(Terms{.rules = rules_id(core_rules()), .time_max_ms = 10'000, .variables = {{"paranoia_level", "1"}}});
  std::string text(size_of(q, terms), '\0');
  write(text, q, terms, kind.body.size());
  return text + kind.body;
}

sockaddr_un address(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  CHECK(path.size() < sizeof at.sun_path);
  std::copy(path.begin(), path.end(), at.sun_path);
  return at;
}

Verdict ask(const sockaddr_un& at, const std::string& question) {
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "nobody listens");
  CHECK(::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) == ssize_t(question.size()));
  std::string heard;
  char more[512];
  for (ssize_t size = 0; (size = ::recv(socket.get(), more, sizeof more, 0)) > 0;) heard.append(more, size_t(size));
  CHECK(heard.size() > 2 * kHeadBytes, "no verdict");
  return *read_verdict(std::string_view(heard).substr(2 * kHeadBytes));
}

double median(std::vector<double>& all) {
  std::ranges::nth_element(all, all.begin() + ptrdiff_t(all.size() / 2));
  return all[all.size() / 2];
}

void print(const std::string& name, double value) {
  std::printf("{\"name\": \"policy.waf.%s\", \"value\": %.1f, \"unit\": \"us\"}\n", name.c_str(), value);
}

void measure(const sockaddr_un& at) {
  std::vector<double> between;
  for (const Kind& kind : kinds()) {
    const std::string question = question_of(kind);
    std::vector<double> own;
    for (int i = 0; i < kAsks; ++i) {
      const auto began = std::chrono::steady_clock::now();
      const double micros = ask(at, question).micros;
      const double took = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count();
      own.push_back(micros), between.push_back(took - micros);
    }
    print(kind.name, median(own));
  }
  print("hand_over", median(between));
}

}  // namespace
}  // namespace cardea::l7::waf

int main() {
  using namespace cardea;
  using namespace cardea::l7::waf;
  const std::string path = "/tmp/bench-waf-" + std::to_string(::getpid());
  const sockaddr_un at = address(path);
  const FileDescriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 && ::listen(listener.get(), 8) == 0);
  const Load load{.sets = {core_rules()}, .workers = 1};
  auto generation = Generation::start(load, listener.get(), Tally::make(), 0);
  CHECK(generation.has_value());
  const std::string why = loaded_or_why(generation->socket.get());
  if (!why.empty()) std::fprintf(stderr, "%s\n", why.c_str());
  if (why.empty()) generation->begin(), measure(at), generation->retire();
  ::unlink(path.c_str());
  return why.empty() ? 0 : 1;
}
