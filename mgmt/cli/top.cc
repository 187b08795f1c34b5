// `cardea top`: what passes through right now. On a terminal the screen is drawn anew after each interval until q or
// Ctrl-C; --once measures one interval, prints it and ends.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/losses.h"
#include "mgmt/cli/rates.h"
#include "mgmt/cli/tables.h"
#include "mgmt/cli/terminal.h"
#include "mgmt/cli/top_screen.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFirstInterval{200};  // until the first screen, which has rates already

struct Arguments {
  double interval = 1;  // seconds
  bool once = false;
};

struct Sample {
  SteadyClock::time_point at;
  json status, services, routes, backends;
};

std::expected<Sample, Refusal> take_sample(const Session& session) {
  Sample sample;
  for (const auto& [path, into] : {std::pair("/v1/status", &sample.status),
                                   {"/v1/services", &sample.services},
                                   {"/v1/routes", &sample.routes},
                                   {"/v1/backends", &sample.backends}}) {
    Asked answer = ask(session, path);
    if (!answer) return std::unexpected(answer.error());
    *into = std::move(*answer);
  }
  sample.at = SteadyClock::now();
  return sample;
}

Measured measure(const Sample& before, const Sample& after, bool colour) {
  const double seconds = std::chrono::duration<double>(after.at - before.at).count();
  return {after.status,
          away_text(after.services, colour),
          losses_a_second(before.status, after.status, seconds, colour),
          rates(before.services, after.services, "services", seconds),
          rates(before.routes, after.routes, "routes", seconds),
          rates(before.backends, after.backends, "backends", seconds)};
}

json l7_json(const L7Rate& l7) {
  return {
      {"connections", l7.connections},          {"requests_per_s", l7.requests},
      {"responses_5xx_per_s", l7.errors},       {"failures_per_s", l7.failures},
      {"connects_per_s", l7.connects},          {"duration_ms_mean", l7.mean_ms ? json(*l7.mean_ms) : json(nullptr)},
      {"responses_4xx_per_s", l7.client_errors}};
}

json rates_json(const std::vector<Rate>& rows, const char* kind) {
  json out = json::array();
  for (const Rate& rate : rows) {
    json row = {{kind, rate.name},
                {"pool", rate.pool},
                {"packets_in_per_s", rate.packets_in},
                {"packets_out_per_s", rate.packets_out},
                {"bytes_in_per_s", rate.bytes_in},
                {"bytes_out_per_s", rate.bytes_out},
                {"new_flows_per_s", rate.new_flows},
                {"l7", rate.l7 ? l7_json(*rate.l7) : json(nullptr)}};
    if (!rate.state.empty()) row["state"] = rate.state, row["flows"] = rate.flows;
    out.push_back(std::move(row));
  }
  return out;
}

std::string measured_json(const Measured& measured) {
  return json_text({{"cores", part_at(measured.status, "cores")},
                    {"shards", part_at(measured.status, "shards")},
                    {"losses", part_at(measured.status, "losses")},
                    {"services", rates_json(measured.services, "service")},
                    {"routes", rates_json(measured.routes, "route")},
                    {"backends", rates_json(measured.backends, "backend")}});
}

Exit top_once(const Session& session, std::chrono::milliseconds interval) {
  const auto before = take_sample(session);
  if (!before) return complain(session, before.error());
  std::this_thread::sleep_for(interval);
  const auto after = take_sample(session);
  if (!after) return complain(session, after.error());
  const Measured measured = measure(*before, *after, session.colour);
  print(session.json ? measured_json(measured) : screen(measured, session.colour));
  return Exit::kOk;
}

Exit top_live(const Session& session, std::chrono::milliseconds interval) {
  auto before = take_sample(session);
  if (!before) return complain(session, before.error());
  const Terminal terminal;
  auto pause = std::min(interval, kFirstInterval);
  while (!terminal.asked_to_end(std::exchange(pause, interval))) {
    auto after = take_sample(session);
    if (!after) {
      terminal.draw(after.error().message + "\n" + after.error().hint + "\n");
      continue;
    }
    terminal.draw(screen(measure(*before, *after, session.colour), session.colour, terminal.space()));
    before = std::move(after);
  }
  return Exit::kOk;
}

Exit top(const Session& session, const Arguments& arguments) {
  const auto interval = std::chrono::milliseconds(int64_t(arguments.interval * 1000));
  const bool live = !arguments.once && !session.json && ::isatty(STDOUT_FILENO) != 0 && ::isatty(STDIN_FILENO) != 0;
  return live ? top_live(session, interval) : top_once(session, interval);
}

}  // namespace

void declare_top(CLI::App& command, Job& job) {
  const auto arguments = std::make_shared<Arguments>();
  command.add_flag("--once", arguments->once, "measure one interval and end (so it is without a terminal)");
  command.add_option("--interval", arguments->interval, "seconds between two measurements")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0))
      ->type_name("SECONDS");
  command.callback(
      [arguments, &job] { job = [arguments](const Session& session) { return top(session, *arguments); }; });
}

}  // namespace cardea::mgmt::cli
