// `cardea tail`: requests and connections as they end, a line each, until Ctrl-C; those that a filter lets through.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "mgmt/cli/api_client.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::string filter;
  uint64_t count = 0;  // 0: until Ctrl-C
};

volatile std::sig_atomic_t interrupted = 0;

// Also of a pause: what was begun is ended before the process is.
void end_at_ctrl_c() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void pause_between_asks() {
  const timespec pause{.tv_sec = 0, .tv_nsec = 200'000'000};
  ::nanosleep(&pause, nullptr);
}

std::string or_dash(const json& row, const char* field) {
  return known_at(row, field) ? text_at(row, field) : "-";
}

// What was asked for: of a tcp service and of what was no request, what is known of it.
std::string request_of(const json& row) {
  if (!known_at(row, "method")) return or_dash(row, "proto");
  const std::string query = known_at(row, "query") && !text_at(row, "query").empty() ? "?" + text_at(row, "query") : "";
  return fmt::format("{} {}{}{}", text_at(row, "method"), text_at(row, "host"), text_at(row, "path"), query);
}

std::string line_of(const json& row) {
  const std::string time = text_at(row, "ts");
  const size_t clock = time.find('T');
  return fmt::format("{}  {:>3}  {:>8.1f} ms  {:<15}  {:<20}  {:<21}  {:<15}  {}\n",
                     clock == time.npos ? time : time.substr(clock + 1), count_at(row, "status"),
                     number_at(row, "t_total_ms"), or_dash(row, "client"),
                     known_at(row, "route") ? text_at(row, "route") : or_dash(row, "service"), or_dash(row, "backend"),
                     text_at(row, "reason"), request_of(row));
}

void print_line(const Session& session, const std::string& line) {
  const json row = json::parse(line, nullptr, false);
  print(session.json || !row.is_object() ? line + "\n" : line_of(row));
}

void say_dropped(uint64_t dropped, uint64_t& said) {
  if (dropped == said) return;
  fmt::print(stderr, "({} more came too fast to be shown)\n", dropped - said);
  said = dropped;
}

Exit tail(const Session& session, const Arguments& arguments) {
  end_at_ctrl_c();
  Asked answer = ask(session, "/v1/tail?filter=" + escaped(arguments.filter));
  if (!answer) return complain(session, answer.error());
  const std::string again = fmt::format("/v1/tail?number={}", count_at(*answer, "number"));
  uint64_t shown = 0, dropped = 0;
  const auto enough = [&] { return interrupted || (arguments.count != 0 && shown >= arguments.count); };
  while (!enough()) {
    for (const json& line : part_at(*answer, "lines")) {
      print_line(session, line.get<std::string>());
      if (++shown, enough()) break;
    }
    std::fflush(stdout);
    say_dropped(count_at(*answer, "dropped"), dropped);
    if (part_at(*answer, "lines").empty()) pause_between_asks();
    if (enough()) break;
    answer = ask(session, again);
    if (!answer) return complain(session, answer.error());
  }
  [[maybe_unused]] const Asked ended = ask(session, again + "&end=1");
  return Exit::kOk;
}

}  // namespace

void declare_tail(CLI::App& command, Job& job) {
  const auto arguments = std::make_shared<Arguments>();
  command.add_option("filter", arguments->filter,
                     "only those for which this holds, of the fields of access logs: \"status >= 500 && route =~ "
                     "\\\"api.*\\\" || t_total_ms > 2s\"")
      ->type_name("FILTER");
  command.add_option("--count", arguments->count, "so many, and end")->type_name("N");
  command.callback([arguments, &job] { job = [arguments](const Session& session) { return tail(session, *arguments); }; });
}

}  // namespace cardea::mgmt::cli
