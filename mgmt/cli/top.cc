// `cardea top`: what passes through right now, by service and by backend, busiest first: packets of the
// dataplane, requests of cardea-l7. On a terminal the screen is
// drawn anew after each interval until q or Ctrl-C; --once measures one interval, prints it and ends.
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/rates.h"
#include "mgmt/cli/state_tone.h"
#include "mgmt/cli/table.h"
#include "mgmt/cli/tables.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;
using SteadyClock = std::chrono::steady_clock;
constexpr auto kRight = Column::Align::kRight;

struct Arguments {
  double interval = 1;  // seconds
  bool once = false;
};

struct Sample {
  SteadyClock::time_point at;
  json status, services, backends;
};

struct Measured {
  json status;
  std::string away;  // a warning; empty while every process is there
  std::vector<Rate> services, backends;
};

std::expected<Sample, Refusal> take_sample(const Session& session) {
  Sample sample;
  for (const auto& [path, into] : {std::pair("/v1/status", &sample.status),
                                   {"/v1/services", &sample.services},
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
  return {after.status, away_text(after.services, colour), rates(before.services, after.services, "services", seconds),
          rates(before.backends, after.backends, "backends", seconds)};
}

std::string cores_text(const json& list, const char* what) {
  std::string out;
  for (const json& core : list) out += fmt::format("  {} {} busy", what, busy_text(core));
  return out;
}

std::string head(const json& status, bool colour) {
  const json& of = part_at(status, "backends");
  std::string now;
  if (known_at(status, "flows")) now += fmt::format("  {} flows", grouped(count_at(status, "flows")));
  if (known_at(status, "connections")) now += fmt::format("  {} connections", grouped(count_at(status, "connections")));
  return painted("cardea " + text_at(status, "cluster"), Tone::kStrong, colour) +
         fmt::format("  {} of {} backends up{}{}{}\n\n", count_at(of, "up"), count_at(of, "total"), now,
                     cores_text(part_at(status, "cores"), "worker"), cores_text(part_at(status, "shards"), "shard"));
}

std::string packets_table(const std::vector<Rate>& rows, const char* title, bool colour) {
  const bool of_backends = !rows.empty() && !rows.front().state.empty();
  std::vector<Column> columns{{title}};
  if (of_backends) columns.insert(columns.end(), {{"STATE"}, {"FLOWS", kRight}});
  columns.insert(
      columns.end(),
      {{"PACKETS/S IN", kRight}, {"OUT", kRight}, {"BITS IN", kRight}, {"OUT", kRight}, {"NEW FLOWS/S", kRight}});
  Table table(std::move(columns));
  for (const Rate& rate : rows) {
    if (!rate.l4) continue;
    std::vector<Cell> row{{of_backends ? rate.pool + "/" + rate.name : rate.name, Tone::kStrong}};
    if (of_backends) row.insert(row.end(), {{rate.state, tone_of_state(rate.state)}, grouped(rate.flows)});
    row.insert(row.end(), {short_number(rate.packets_in), short_number(rate.packets_out), bits_rate(rate.bytes_in),
                           bits_rate(rate.bytes_out), short_number(rate.new_flows)});
    table.add(std::move(row));
  }
  return table.empty() ? "" : table.text(colour) + "\n";
}

Cell bad_rate(double rate) {
  return {short_number(rate), rate > 0 ? Tone::kBad : Tone::kPlain};
}

std::vector<Cell> request_cells(const L7Rate& l7) {
  return {short_number(l7.requests), bad_rate(l7.errors), bad_rate(l7.failures),
          l7.mean_ms ? fmt::format("{:.1f} ms", *l7.mean_ms) : "-"};
}

std::string services_requests(const std::vector<Rate>& rows, bool colour) {
  Table table({{"SERVICE"},
               {"REQUESTS/S", kRight},
               {"5XX/S", kRight},
               {"BAD/S", kRight},
               {"MEAN", kRight},
               {"CONNS", kRight},
               {"NEW/S", kRight},
               {"BITS IN", kRight},
               {"OUT", kRight}});
  for (const Rate& rate : rows) {
    if (!rate.l7) continue;
    std::vector<Cell> row{{rate.name, Tone::kStrong}};
    std::ranges::move(request_cells(*rate.l7), std::back_inserter(row));
    row.insert(row.end(), {grouped(rate.l7->connections), short_number(rate.l7->connects), bits_rate(rate.bytes_in),
                           bits_rate(rate.bytes_out)});
    table.add(std::move(row));
  }
  return table.empty() ? "" : table.text(colour) + "\n";
}

std::string backends_requests(const std::vector<Rate>& rows, bool colour) {
  Table table({{"BACKEND"},
               {"STATE"},
               {"REQUESTS/S", kRight},
               {"5XX/S", kRight},
               {"FAILED/S", kRight},
               {"MEAN", kRight},
               {"BUSY", kRight},
               {"CONNECTS/S", kRight}});
  for (const Rate& rate : rows) {
    if (!rate.l7) continue;
    std::vector<Cell> row{{rate.pool + "/" + rate.name, Tone::kStrong}, {rate.state, tone_of_state(rate.state)}};
    std::ranges::move(request_cells(*rate.l7), std::back_inserter(row));
    row.insert(row.end(), {grouped(rate.l7->connections), short_number(rate.l7->connects)});
    table.add(std::move(row));
  }
  return table.empty() ? "" : table.text(colour) + "\n";
}

std::string screen(const Measured& measured, bool colour) {
  std::string out = head(measured.status, colour) + (measured.away.empty() ? "" : measured.away + "\n") +
                    packets_table(measured.services, "SERVICE", colour) + services_requests(measured.services, colour) +
                    packets_table(measured.backends, "BACKEND", colour) + backends_requests(measured.backends, colour);
  out.pop_back();
  return out;
}

json l7_json(const L7Rate& l7) {
  return {{"connections", l7.connections},    {"requests_per_s", l7.requests},
          {"responses_5xx_per_s", l7.errors}, {"failures_per_s", l7.failures},
          {"connects_per_s", l7.connects},    {"duration_ms_mean", l7.mean_ms ? json(*l7.mean_ms) : json(nullptr)}};
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
                    {"services", rates_json(measured.services, "service")},
                    {"backends", rates_json(measured.backends, "backend")}});
}

// The other screen of the terminal, with keys read as they are typed; all put back at the end, after Ctrl-C too, which
// comes as a key here.
class Terminal {
 public:
  Terminal() {
    ::tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    print("\x1b[?1049h\x1b[?25l");
    std::fflush(stdout);
  }
  ~Terminal() {
    print("\x1b[?25h\x1b[?1049l");
    std::fflush(stdout);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // As much of the text as fits on the screen.
  void draw(const std::string& text) const {
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
    const size_t lines = known ? size.ws_row - 1u : 24, columns = known ? size.ws_col : 80;
    std::string frame = "\x1b[H";
    size_t at = 0;
    for (size_t i = 0; i < lines && at < text.size(); ++i) {
      const size_t end = std::min(text.find('\n', at), text.size());
      frame += clipped(std::string_view(text).substr(at, end - at), columns) + "\x1b[K\n";
      at = end + 1;
    }
    print(frame + "\x1b[J" + painted("q ends", Tone::kFaint, true));
    std::fflush(stdout);
  }

  bool asked_to_end(std::chrono::milliseconds patience) const {
    pollfd keys{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&keys, 1, int(patience.count())) <= 0) return false;
    char key = 0;
    constexpr char kCtrlC = 3, kCtrlD = 4;
    return ::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == kCtrlC || key == kCtrlD;
  }

 private:
  termios before_{};
};

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
  terminal.draw(screen(measure(*before, *before, session.colour), session.colour));
  while (!terminal.asked_to_end(interval)) {
    auto after = take_sample(session);
    if (!after) {
      terminal.draw(after.error().message + "\n" + after.error().hint + "\n");
      continue;
    }
    terminal.draw(screen(measure(*before, *after, session.colour), session.colour));
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
