#include "mgmt/reload.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "conf/diff.h"
#include "conf/findings_text.h"
#include "conf/read.h"
#include "mgmt/host.h"

namespace cardea::mgmt {
namespace {

std::vector<std::string> changes(const Candidate& from, const conf::Config& to) {
  return from ? conf::texts_of(conf::diff(*from.config, to)) : std::vector<std::string>{};
}

Prepared with_error(Prepared prepared, std::string error, std::string hint) {
  prepared.reload.error = std::move(error);
  prepared.reload.hint = std::move(hint);
  return prepared;
}

std::string what_serves(const Candidate& in_force) {
  return in_force ? "the plan in force keeps serving" : "every process keeps the plan it has";
}

Prepared with_mistakes(Prepared prepared, const Candidate& in_force, const std::string& path) {
  const size_t errors = conf::count(prepared.reload.findings, conf::Finding::error);
  return with_error(std::move(prepared), fmt::format("{} has {} mistake{}", path, errors, errors == 1 ? "" : "s"),
                    fmt::format("{}; `cardea check {}` shows every line in question", what_serves(in_force), path));
}

}  // namespace

// What the compiler found cannot be the document's form: the operator has to see it as a finding all the same.
Result<Candidate> candidate_of(std::shared_ptr<const conf::Config> config, uint64_t generation, const Runtime& runtime,
                               RingCache& rings) {
  Candidate candidate{std::move(config), {}, generation};
  auto states = pool_states(*candidate.config, runtime, rings);
  if (!states) return std::unexpected(std::move(states.error()));
  candidate.states = std::move(*states);
  if (!candidate.config->dataplane && !candidate.config->l7)
    return fail("the file has neither a `dataplane` nor an `l7` section: nothing says where to serve",
                Origin::kOperator);
  return candidate;
}

Prepared prepare(const std::string& path, const Candidate& in_force, const Runtime& runtime, RingCache& rings) {
  Prepared prepared;
  auto read = conf::read_file(path);
  conf::Findings of_host;
  if (read.config) look_at_host(*read.config, Look::kWhetherThere, of_host);
  conf::add_findings(read, std::move(of_host));
  prepared.reload.findings = std::move(read.findings);
  prepared.reload.at = std::chrono::system_clock::now();
  prepared.reload.generation = in_force.generation;
  if (!read.config) return with_mistakes(std::move(prepared), in_force, path);
  prepared.reload.changes = changes(in_force, *read.config);
  if (conf::count(prepared.reload.findings, conf::Finding::error) > 0)
    return with_mistakes(std::move(prepared), in_force, path);
  auto candidate = candidate_of(std::make_shared<const conf::Config>(std::move(*read.config)), runtime.generation + 1,
                                runtime, rings);
  if (!candidate) return with_error(std::move(prepared), std::move(candidate.error().message), what_serves(in_force));
  prepared.candidate = std::move(*candidate);
  return prepared;
}

}  // namespace cardea::mgmt
