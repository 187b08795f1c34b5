// `cardea completion`: a bash script that completes commands, options, choices and the names of settings, made from the
// parser itself; installed as share/bash-completion/completions/cardea.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "conf/manual.h"
#include "mgmt/cli/commands.h"

namespace cardea::mgmt::cli {
namespace {

constexpr const char* kFunction = R"(
_cardea() {
  local current="${COMP_WORDS[COMP_CWORD]}" path="cardea" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${COMP_WORDS[i]}"
    [[ -n "${_cardea_words["$path $word"]+known}" ]] && path="$path $word"
  done
  COMPREPLY=($(compgen -W "${_cardea_words["$path"]}" -- "$current"))
  [[ "$path" == "cardea check" ]] && COMPREPLY+=($(compgen -f -- "$current"))
}
complete -o filenames -F _cardea cardea
)";

// "ready|drain|maint" is a choice; "POOL/ADDRESS" is not.
std::string choices(const CLI::Option& option) {
  std::string type = option.get_type_name();
  if (type.find('|') == std::string::npos) return "";
  std::string out;
  for (const std::string& word : CLI::detail::split(type.substr(0, type.find(':')), '|'))
    if (std::islower(uint8_t(word.front())) != 0) out += " " + word;
  return out;
}

std::string words_of(const CLI::App& command) {
  std::string words;
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
    words += " " + sub->get_name();
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) words += " --" + name;
    if (option->get_positional()) words += choices(*option);
  }
  return words;
}

std::string rows_of(const CLI::App& command, const std::string& path) {
  std::string rows = fmt::format("  [\"{}\"]=\"{}\"\n", path, words_of(command));
  for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
    rows += rows_of(*sub, path + " " + sub->get_name());
  return rows;
}

std::string script(const CLI::App& root) {
  std::string settings;
  for (const std::string& path : conf::setting_paths()) settings += " " + path;
  std::string rows = rows_of(root, "cardea");
  rows += fmt::format("  [\"cardea help config\"]=\"{}\"\n", settings);
  return "# bash completion for cardea; made by: cardea completion bash\ndeclare -A _cardea_words=(\n" + rows + ")" +
         kFunction;
}

}  // namespace

void declare_completion(CLI::App& command, Job& job) {
  const auto shell = std::make_shared<std::string>("bash");
  command.add_option("shell", *shell, "")->capture_default_str()->check(CLI::IsMember({"bash"}))->type_name("bash");
  command.callback([shell, &command, &job] {
    job = [root = command.get_parent()](const Session&) {
      print(script(*root));
      return Exit::kOk;
    };
  });
}

}  // namespace cardea::mgmt::cli
