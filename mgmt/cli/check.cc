// `cardea check`: reads a configuration file as cardea-mgmt would, on this host, without touching what runs.
#include <fcntl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/file_descriptor.h"
#include "conf/findings_text.h"
#include "conf/read.h"
#include "mgmt/cli/amounts.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/table.h"
#include "mgmt/host.h"

namespace cardea::mgmt::cli {
namespace {

struct Arguments {
  std::string file = "/etc/cardea/cardea.cfg";
  bool strict = false, elsewhere = false;
};

std::string summary(const conf::Config& config) {
  size_t backends = 0;
  for (const auto& pool : config.pools) backends += pool.backends.size();
  return fmt::format("{}, {}, {}", counted(config.services.size(), "service"), counted(config.pools.size(), "pool"),
                     counted(backends, "backend"));
}

Exit verdict(const conf::ReadResult& read, bool strict) {
  if (conf::count(read.findings, conf::Finding::error) > 0) return Exit::kFailed;
  return strict && conf::count(read.findings, conf::Finding::warning) > 0 ? Exit::kWarnings : Exit::kOk;
}

// Of a file that is for another host, much would be said about this one.
std::string elsewhere_text(const conf::Findings& of_host, const std::string& file) {
  if (conf::count(of_host, conf::Finding::error) == 0) return {};
  return fmt::format("for another host than this one: cardea check --elsewhere {}\n", file);
}

Exit check(const Session& session, const Arguments& arguments) {
  if (!FileDescriptor(::open(arguments.file.c_str(), O_RDONLY | O_CLOEXEC))) {
    const std::string why = std::generic_category().message(errno);
    return complain(session, Exit::kUsage, fmt::format("cannot read {}: {}", arguments.file, why));
  }
  if (std::error_code unknown; std::filesystem::is_directory(arguments.file, unknown))
    return complain(session, Exit::kUsage, fmt::format("cannot read {}: it is a directory", arguments.file));
  conf::ReadResult read = conf::read_file(arguments.file);
  conf::Findings of_host;
  if (read.config && !arguments.elsewhere) look_at_host(*read.config, Look::kInside, of_host);
  const std::string elsewhere = elsewhere_text(of_host, arguments.file);
  conf::add_findings(read, std::move(of_host));
  const Exit exit = verdict(read, arguments.strict);
  if (session.json) {
    print(conf::findings_json(read.findings) + "\n");
    return exit;
  }
  if (!read.findings.empty()) print(conf::findings_text(read.findings, read.source) + elsewhere);
  if (exit != Exit::kFailed) {
    const std::string good = exit == Exit::kOk ? painted("valid", Tone::kGood, session.colour)
                                               : painted("has warnings", Tone::kWarning, session.colour);
    print(fmt::format("{}: {} ({})\n", arguments.file, good, summary(*read.config)));
  }
  return exit;
}

}  // namespace

void declare_check(CLI::App& command, Job& job) {
  const auto arguments = std::make_shared<Arguments>();
  command.add_option("file", arguments->file, "the configuration file")->capture_default_str()->type_name("FILE");
  command.add_flag("--strict", arguments->strict, "exit with 3 when there are warnings");
  command.add_flag("--elsewhere", arguments->elsewhere,
                   "the file is for another host: leave out what only that one can tell (files it names, CPUs)");
  command.callback(
      [arguments, &job] { job = [arguments](const Session& session) { return check(session, *arguments); }; });
}

}  // namespace cardea::mgmt::cli
