// `cardea status`: the state of everything on one screen, what is wrong last, where the eye ends.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/findings.h"
#include "mgmt/cli/losses.h"
#include "mgmt/cli/state_tone.h"
#include "mgmt/cli/table.h"
#include "mgmt/cli/tables.h"
#include "mgmt/start_anew.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

std::string line(const char* title, const std::string& text) {
  return fmt::format("{:<11}{}\n", title, text);
}

// The API's times have milliseconds; what people compare here happened minutes or days ago.
std::string second_text(const json& object, const char* field) {
  std::string text = text_at(object, field);
  if (const size_t fraction = text.find('.'); fraction != text.npos) text.replace(fraction, text.npos, "Z");
  return text;
}

std::string uptime_text(uint64_t seconds) {
  return seconds < 60 ? fmt::format("{} s", seconds) : duration_text(std::chrono::seconds(seconds));
}

std::string overview(const json& status, bool colour) {
  std::string out = painted(fmt::format("cardea {}", text_at(status, "cluster")), Tone::kStrong, colour);
  out += fmt::format(" · version {} · up {} · generation {}\n", text_at(status, "version"),
                     uptime_text(count_at(status, "uptime_s")), count_at(status, "generation"));
  return out + line("file", text_at(status, "config_file"));
}

std::string reload(const json& status, bool colour) {
  if (!known_at(status, "last_reload")) return line("reload", "none since the start");
  const json& last = part_at(status, "last_reload");
  if (!flag_at(last, "success")) {
    const bool waits = known_at(status, "waiting");
    return line("reload", painted(waits ? "WAITS" : "FAILED", waits ? Tone::kWarning : Tone::kBad, colour) +
                              fmt::format(" at {}: {}; {}", second_text(last, "at"), text_at(last, "error"),
                                          text_at(last, "hint")));
  }
  return line("reload", painted("ok", Tone::kGood, colour) +
                            fmt::format(" at {} in {:.1f} ms, generation {}", second_text(last, "at"),
                                        number_at(last, "duration_ms"), count_at(last, "generation")));
}

// What was accepted and is not in force yet, and the command that brings it there.
std::string waiting(const json& status, bool colour) {
  if (!known_at(status, "waiting")) return "";
  const json& waits = part_at(status, "waiting");
  std::vector<std::string> processes;
  for (const json& one : part_at(waits, "restart"))
    if (one.is_string()) processes.push_back(one.get<std::string>());
  return line("waiting", painted(fmt::format("generation {}", count_at(waits, "generation")), Tone::kWarning, colour) +
                             ", for a restart: " + start_anew(processes));
}

// A process that the file does not mention and that does not run is nobody's concern.
bool is_concerned(const json& process) {
  return flag_at(process, "configured") || flag_at(process, "connected");
}

std::string processes(const json& status, bool colour) {
  std::string out;
  for (const json& process : part_at(status, "processes")) {
    if (!is_concerned(process)) continue;
    std::string text;
    if (!flag_at(process, "connected")) {
      text = painted("not connected", Tone::kBad, colour);
    } else if (!known_at(process, "started_at")) {
      text = painted("serves nothing yet", Tone::kBad, colour) + fmt::format(" (pid {})", count_at(process, "pid"));
    } else {
      text = painted("running", Tone::kGood, colour) +
             fmt::format(" (pid {}, since {}), generation {}", count_at(process, "pid"),
                         second_text(process, "started_at"), count_at(process, "generation"));
      if (flag_at(process, "in_sync") && !known_at(process, "problem")) text += ", in sync";
    }
    if (known_at(process, "problem")) text += ": " + painted(text_at(process, "problem"), Tone::kBad, colour);
    out += line(text_at(process, "name").c_str(), text);
  }
  return out;
}

std::string cores_text(const json& list) {
  std::string out;
  for (const json& core : list) out += (out.empty() ? "" : ", ") + busy_text(core) + " busy";
  return out;
}

std::string dataplane(const json& status) {
  std::string out;
  if (const auto cores = cores_text(part_at(status, "cores")); !cores.empty()) out += line("cores", cores);
  for (const json& port : part_at(status, "ports")) {
    out += line("port",
                fmt::format("{} {}, {}, {} queue{}, {}{}{}", text_at(port, "name"), text_at(port, "link"),
                            text_at(port, "device"), count_at(port, "queues"), count_at(port, "queues") == 1 ? "" : "s",
                            text_at(port, "mac"), text_at(port, "xdp").empty() ? "" : ", XDP " + text_at(port, "xdp"),
                            text_at(port, "kernel") == "interface" ? ", shared with Linux" : ""));
  }
  for (const json& one : part_at(status, "l7_instances"))
    out += line("door", fmt::format("{} of cardea-l7, instance {}{}", counted(count_at(one, "shards"), "shard"),
                                    count_at(one, "instance"),
                                    one.value("newest", true) ? "" : ", which keeps the connections it has"));
  if (known_at(status, "flows"))
    out += line("flows",
                fmt::format("{} of {}", grouped(count_at(status, "flows")), grouped(count_at(status, "flows_max"))));
  return out;
}

std::string waf_text(const json& waf) {
  if (text_at(waf, "state") != "working") return text_at(waf, "state");
  return fmt::format("{}, {} busy, {} inspected, {} late, {} deserted, {} died", counted(count_at(waf, "workers"), "worker"),
                     count_at(waf, "busy"), grouped(count_at(waf, "inspected")), count_at(waf, "late"),
                     count_at(waf, "deserted"), count_at(waf, "died"));
}

std::string l7(const json& status) {
  std::string out;
  if (const auto shards = cores_text(part_at(status, "shards")); !shards.empty()) out += line("shards", shards);
  if (known_at(status, "connections")) out += line("clients", counted(count_at(status, "connections"), "connection"));
  if (known_at(status, "l7_door")) out += line("l7 door", text_at(status, "l7_door"));
  if (known_at(status, "waf")) out += line("waf", waf_text(part_at(status, "waf")));
  return out;
}

std::string backends(const json& status) {
  const json& of = part_at(status, "backends");
  return line("services", fmt::format("{}, pools {}", count_at(status, "services"), count_at(status, "pools"))) +
         line("backends",
              fmt::format("{}: {} up, {} down, {} drain, {} maint", count_at(of, "total"), count_at(of, "up"),
                          count_at(of, "down"), count_at(of, "drain"), count_at(of, "maint")));
}

std::string unhealthy(const json& status, bool colour) {
  Table table({{"POOL"}, {"BACKEND"}, {"STATE"}, {"SINCE"}, {"REASON"}});
  for (const json& row : part_at(status, "unhealthy")) {
    table.add({text_at(row, "pool"),
               text_at(row, "backend"),
               {text_at(row, "state"), tone_of_state(text_at(row, "state"))},
               second_text(row, "since"),
               text_at(row, "reason")});
  }
  return table.empty() ? "" : "\n" + table.text(colour);
}

std::string weights(const json& status) {
  std::string out;
  for (const json& row : part_at(status, "weights"))
    out += fmt::format("{}{}/{} {} (file: {})", out.empty() ? "" : ", ", text_at(row, "pool"), text_at(row, "backend"),
                       count_at(row, "weight"), count_at(row, "file"));
  return out.empty() ? out : line("weights", out);
}

std::string certificates(const json& status, bool colour) {
  std::string out;
  for (const json& row : part_at(status, "certificates_due"))
    out += painted("warning", number_at(row, "days_left") < 0 ? Tone::kBad : Tone::kWarning, colour) +
           fmt::format(": {} (service {})\n", text_at(row, "warning"), text_at(row, "service"));
  return out.empty() ? "" : "\n" + out;
}

std::string troubles(const json& status, bool colour) {
  std::string out;
  for (const json& warning : part_at(status, "warnings"))
    if (warning.is_string())
      out += painted("warning", Tone::kWarning, colour) + ": " + warning.get<std::string>() + "\n";
  const json& last = part_at(status, "last_reload");
  if (known_at(status, "last_reload") && !flag_at(last, "success")) out += findings_text(last, colour);
  return out.empty() ? "" : "\n" + out;
}

std::string screen(const json& status, bool colour) {
  return overview(status, colour) + reload(status, colour) + waiting(status, colour) + processes(status, colour) +
         dataplane(status) + l7(status) + backends(status) + weights(status) + losses_text(status, colour) +
         unhealthy(status, colour) + certificates(status, colour) + troubles(status, colour);
}

// Each process that the configuration needs is there, and has something to serve by.
bool serves(const json& status) {
  const json& processes = part_at(status, "processes");
  return std::ranges::all_of(processes, [](const json& process) {
    return !flag_at(process, "configured") || (flag_at(process, "connected") && known_at(process, "started_at"));
  });
}

Exit show_status(const Session& session, bool has_to_serve) {
  const Asked status = ask(session, "/v1/status");
  if (!status) return complain(session, status.error());
  print(session.json ? json_text(*status) : screen(*status, session.colour));
  return has_to_serve && !serves(*status) ? Exit::kFailed : Exit::kOk;
}

}  // namespace

void declare_status(CLI::App& command, Job& job) {
  const auto has_to_serve = std::make_shared<bool>(false);
  command.add_flag("--serving", *has_to_serve,
                   "exit with 1 unless every process that the configuration needs is there and serves");
  command.callback([&job, has_to_serve] {
    job = [has_to_serve](const Session& session) { return show_status(session, *has_to_serve); };
  });
}

}  // namespace cardea::mgmt::cli
