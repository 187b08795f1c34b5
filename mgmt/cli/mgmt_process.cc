#include "mgmt/cli/mgmt_process.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace cardea::mgmt::cli {
namespace {

// Of /proc/PID/status: "Name:", "State:" and "NSpid:", which has a number for each namespace from ours to its own.
std::optional<MgmtProcess> read_status(const std::filesystem::path& folder) {
  std::ifstream status(folder / "status");
  MgmtProcess found{std::atoi(folder.filename().c_str())};
  bool named = false;
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string title, first, second;
    words >> title >> first >> second;
    if (title == "Name:") named = first == "cardea-mgmt";
    if (title == "State:" && (first == "Z" || first == "X")) return std::nullopt;
    if (title == "NSpid:") found.elsewhere = !second.empty();
  }
  return named ? std::optional(found) : std::nullopt;
}

}  // namespace

std::optional<MgmtProcess> find_mgmt(const std::string& proc) {
  std::optional<MgmtProcess> found;
  std::error_code gone;  // processes end while they are listed
  for (std::filesystem::directory_iterator at(proc, gone), end; !gone && at != end; at.increment(gone)) {
    const std::string name = at->path().filename();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    const auto one = read_status(at->path());
    if (one && (!found || found->elsewhere)) found = one;
  }
  return found;
}

}  // namespace cardea::mgmt::cli
