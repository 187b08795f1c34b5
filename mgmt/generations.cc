#include "mgmt/generations.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "conf/print.h"
#include "conf/read.h"
#include "mgmt/whole_file.h"

namespace cardea::mgmt {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string folder_of(const std::string& state_dir) {
  return state_dir + "/generations";
}

std::string marks_path(const std::string& state_dir) {
  return folder_of(state_dir) + "/marks.json";
}

Result<> make_folder(const std::string& state_dir) {
  std::error_code problem;
  fs::create_directory(folder_of(state_dir), problem);
  if (problem) return fail(fmt::format("make the directory {}: {}", folder_of(state_dir), problem.message()));
  return {};
}

Result<> write_text(const std::string& path, const std::string& text) {
  return write_file_whole(path, std::as_bytes(std::span(text)));
}

// 0: the file is something else.
uint64_t number_of(const fs::path& path) {
  uint64_t number = 0;
  const std::string stem = path.stem().string();
  const auto [end, problem] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  return path.extension() == ".cfg" && problem == std::errc() && end == stem.data() + stem.size() ? number : 0;
}

std::vector<uint64_t> numbers_in(const std::string& folder) {
  std::vector<uint64_t> numbers;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(folder, problem))
    if (const uint64_t number = number_of(entry.path())) numbers.push_back(number);
  std::ranges::sort(numbers, std::greater());
  return numbers;
}

void forget_oldest(const std::string& state_dir, const Marks& marks) {
  auto numbers = numbers_in(folder_of(state_dir));
  std::erase_if(numbers, [&](uint64_t number) { return number == marks.accepted || number == marks.waiting; });
  for (size_t i = kGenerationsKept; i < numbers.size(); ++i)
    ::unlink(generation_path(state_dir, numbers[i]).c_str());
}

Result<Marks> marks_from_json(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    return Marks{json.at("accepted").get<uint64_t>(), json.at("waiting").get<uint64_t>(),
                 json.at("waits_for").get<std::vector<std::string>>()};
  } catch (const std::exception& problem) {  // nlohmann's exceptions end here
    return fail(fmt::format("it is damaged: {}", problem.what()));
  }
}

// Which one is accepted cannot be read: the newest there is came into force, or was about to.
Marks guessed(const std::string& state_dir) {
  const auto numbers = numbers_in(folder_of(state_dir));
  return {numbers.empty() ? 0 : numbers.front(), 0, {}};
}

Remembered load_marks(const std::string& state_dir) {
  const std::string path = marks_path(state_dir);
  if (::access(path.c_str(), F_OK) != 0) return {};
  auto text = read_whole_file(path);
  auto marks = text ? marks_from_json(*text) : std::unexpected(std::move(text.error()));
  if (marks) return {std::move(*marks), {}, {}, {}};
  auto guess = guessed(state_dir);
  return {guess, {}, {}, fmt::format("{}: {}; generation {} is taken for the accepted one", path,
                                     marks.error().message, guess.accepted)};
}

std::shared_ptr<const conf::Config> load(const std::string& state_dir, uint64_t number, std::string& warning) {
  if (number == 0) return nullptr;
  const std::string path = generation_path(state_dir, number);
  auto read = conf::read_file(path);
  if (read.config) return std::make_shared<const conf::Config>(std::move(*read.config));
  warning += fmt::format("{}{} cannot be used: `cardea check {}` says why", warning.empty() ? "" : "; ", path, path);
  return nullptr;
}

}  // namespace

std::string generation_path(const std::string& state_dir, uint64_t number) {
  return fmt::format("{}/{}.cfg", folder_of(state_dir), number);
}

Result<> write_configuration(const std::string& state_dir, uint64_t number, const conf::Config& config) {
  if (auto made = make_folder(state_dir); !made) return made;
  return write_text(generation_path(state_dir, number), conf::print(config, conf::Secrets::kShown));
}

Result<> write_marks(const std::string& state_dir, const Marks& marks) {
  if (auto made = make_folder(state_dir); !made) return made;
  const Json json{{"accepted", marks.accepted}, {"waiting", marks.waiting}, {"waits_for", marks.waits_for}};
  if (auto written = write_text(marks_path(state_dir), json.dump()); !written) return written;
  forget_oldest(state_dir, marks);
  return {};
}

Remembered load_generations(const std::string& state_dir) {
  auto remembered = load_marks(state_dir);
  remembered.accepted = load(state_dir, remembered.marks.accepted, remembered.warning);
  remembered.waiting = load(state_dir, remembered.marks.waiting, remembered.warning);
  return remembered;
}

}  // namespace cardea::mgmt
