// `cardea doctor`: what this host and its cards are like, what is wrong with them for Cardea, and what mends it. Reads
// the configuration file and the kernel's own files; changes nothing and asks no daemon.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "conf/nearest.h"
#include "conf/read.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/table.h"
#include "mgmt/doctor/examine.h"

namespace cardea::mgmt::cli {
namespace {

using doctor::DeviceFacts, doctor::Finding, doctor::Findings;
using Json = nlohmann::json;

struct Arguments {
  std::string file = "/etc/cardea/cardea.cfg", port, root;
};

struct Examined {
  std::vector<DeviceFacts> devices;
  Findings findings;
};

Examined examine(const conf::Dataplane& dataplane, const Arguments& arguments) {
  const doctor::Facts facts(arguments.root);
  const doctor::HostFacts host = facts.host();
  Examined examined;
  for (const conf::Port& port : dataplane.ports) {
    if (!arguments.port.empty() && port.name != arguments.port) continue;
    examined.devices.push_back(facts.device(port.name, port.device));
    std::ranges::move(examine_port(examined.devices.back(), port, host, dataplane, facts.network_cards()),
                      std::back_inserter(examined.findings));
  }
  std::ranges::move(examine_host(host, dataplane, examined.devices), std::back_inserter(examined.findings));
  return examined;
}

// ---- as text

const char* word_of(Finding::Level level) {
  return level == Finding::kError ? "error" : level == Finding::kWarning ? "warning" : "hint";
}

Tone tone_of(Finding::Level level) {
  return level == Finding::kError ? Tone::kBad : level == Finding::kWarning ? Tone::kWarning : Tone::kGood;
}

std::string card_text(const doctor::PciFacts& card) {
  std::string text = fmt::format("card {}, driver {}", card.address, card.driver.empty() ? "none" : card.driver);
  if (card.node >= 0) text += fmt::format(", NUMA node {}", card.node);
  if (card.iommu_group) text += fmt::format(", IOMMU group {}", *card.iommu_group);
  if (card.link_gts > 0) text += fmt::format(", PCIe {} GT/s x{}", card.link_gts, card.link_lanes);
  return text;
}

std::string interface_text(const doctor::InterfaceFacts& interface) {
  return fmt::format("interface {}: {}, {}, MTU {}, {} receive queue{}{}", interface.name,
                     interface.is_up ? "up" : "down", interface.has_carrier ? "carrier" : "no carrier", interface.mtu,
                     interface.receive_queues, interface.receive_queues == 1 ? "" : "s",
                     interface.speed_mbits > 0 ? fmt::format(", {} Mbit/s", interface.speed_mbits) : "");
}

std::string findings_of(const Findings& findings, const std::string& about, bool colour) {
  std::string text;
  for (const Finding& finding : findings) {
    if (finding.about != about) continue;
    text += fmt::format("  {}: {}\n", painted(word_of(finding.level), tone_of(finding.level), colour), finding.message);
    if (!finding.mend.empty()) text += fmt::format("      {}\n", finding.mend);
  }
  return text.empty() ? fmt::format("  {}\n", painted("nothing to mend", Tone::kGood, colour)) : text;
}

std::string text_of(const Examined& examined, bool colour) {
  std::string text;
  for (const DeviceFacts& device : examined.devices) {
    text += fmt::format("port {}: {}\n", device.port, device.device);
    if (device.pci) text += "  " + card_text(*device.pci) + "\n";
    if (device.interface) text += "  " + interface_text(*device.interface) + "\n";
    text += findings_of(examined.findings, device.port, colour);
  }
  return text + "host\n" + findings_of(examined.findings, "host", colour);
}

// ---- as JSON

Json json_of(const DeviceFacts& device) {
  Json row{{"port", device.port}, {"device", device.device}, {"card", nullptr}, {"interface", nullptr}};
  if (const auto& card = device.pci)
    row["card"] = {
        {"address", card->address},   {"driver", card->driver},
        {"node", card->node},         {"iommu_group", card->iommu_group ? Json(*card->iommu_group) : Json(nullptr)},
        {"link_gts", card->link_gts}, {"link_lanes", card->link_lanes}};
  if (const auto& its = device.interface)
    row["interface"] = {{"name", its->name},
                        {"up", its->is_up},
                        {"carrier", its->has_carrier},
                        {"mtu", its->mtu},
                        {"receive_queues", its->receive_queues},
                        {"speed_mbits", its->speed_mbits}};
  return row;
}

Json json_of(const Examined& examined) {
  Json ports = Json::array(), findings = Json::array();
  for (const DeviceFacts& device : examined.devices) ports.push_back(json_of(device));
  for (const Finding& finding : examined.findings)
    findings.push_back({{"level", word_of(finding.level)},
                        {"about", finding.about},
                        {"message", finding.message},
                        {"mend", finding.mend}});
  return {{"ports", std::move(ports)}, {"findings", std::move(findings)}};
}

// ---- the command

Exit complain_of_port(const Session& session, const conf::Dataplane& dataplane, const std::string& name) {
  std::vector<std::string> names;
  for (const conf::Port& port : dataplane.ports) names.push_back(port.name);
  const std::string meant = conf::nearest(name, names);
  return complain(session, Exit::kFailed, fmt::format("there is no port \"{}\"", name),
                  meant.empty() ? fmt::format("ports are {}", fmt::join(names, ", ")) : "did you mean " + meant + "?");
}

// The file lets nothing be looked at: it is not there, or it has mistakes.
Exit complain_of_file(const Session& session, const std::string& file) {
  if (::access(file.c_str(), R_OK) != 0)
    return complain(session, Exit::kUsage,
                    fmt::format("cannot read {}: {}", file, std::generic_category().message(errno)),
                    "it says which cards and CPUs are to be looked at; another one: --config FILE");
  return complain(session, Exit::kUsage, file + " cannot be used as it is", "cardea check " + file + " tells why");
}

// A site of layer 7 alone has no cards to look at, and nothing to mend.
Exit tell_of_no_dataplane(const Session& session, const std::string& file) {
  const std::string note =
      file + " has no dataplane: a site of layer 7 alone needs no cards, huge pages or isolated CPUs";
  Json body = json_of(Examined{});
  body["note"] = note;
  print(session.json ? json_text(body)
                     : fmt::format("{}\n  {}\n", note, painted("nothing to mend", Tone::kGood, session.colour)));
  return Exit::kOk;
}

Exit examine_host_of(const Session& session, const Arguments& arguments) {
  const conf::ReadResult read = conf::read_file(arguments.file);
  if (!read.config) return complain_of_file(session, arguments.file);
  if (!read.config->dataplane && !arguments.port.empty())
    return complain(session, Exit::kFailed, arguments.file + " has no dataplane, and so no ports to look at");
  if (!read.config->dataplane) return tell_of_no_dataplane(session, arguments.file);
  const conf::Dataplane& dataplane = *read.config->dataplane;
  if (!arguments.port.empty() &&
      std::ranges::find(dataplane.ports, arguments.port, &conf::Port::name) == dataplane.ports.end())
    return complain_of_port(session, dataplane, arguments.port);
  const Examined examined = examine(dataplane, arguments);
  print(session.json ? json_text(json_of(examined)) : text_of(examined, session.colour));
  const bool bad = std::ranges::any_of(examined.findings, [](const Finding& f) { return f.level == Finding::kError; });
  return bad ? Exit::kFailed : Exit::kOk;
}

}  // namespace

void declare_doctor(CLI::App& command, Job& job) {
  const auto arguments = std::make_shared<Arguments>();
  command.add_option("--port", arguments->port, "only this port of the configuration")->type_name("NAME");
  command.add_option("--config", arguments->file, "the configuration file")->capture_default_str()->type_name("FILE");
  command.add_option("--root", arguments->root, "a copy of another host's /sys and /proc")->type_name("FOLDER");
  command.callback([arguments, &job] {
    job = [arguments](const Session& session) { return examine_host_of(session, *arguments); };
  });
}

}  // namespace cardea::mgmt::cli
