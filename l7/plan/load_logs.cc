#include "l7/plan/load_logs.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/log/access_log.h"

namespace cardea::l7::plan_detail {
namespace {

constexpr size_t kLogsMax = 16;  // each has a thread, and a ring for each shard

std::string_view text_of(const flatbuffers::String* text) {
  return text ? text->string_view() : std::string_view();
}

Result<> read_target(LogPlan& to, const image::AccessLog& from) {
  auto target = parse_log_target(from.target()->string_view());
  if (!target) return fail(fmt::format("\"{}\" is nowhere to log to", from.target()->string_view()));
  to.target = std::move(*target);
  if (from.facility() > 23) return fail(fmt::format("syslog has no facility {}", from.facility()));
  to.target.facility = from.facility();
  to.target.rotate_bytes = from.rotate_bytes();
  to.target.rotate_keep = std::max<uint32_t>(from.rotate_keep(), 1);
  if (to.target.rotate_keep > 1000) return fail("more old files than are renamed one by one");
  return {};
}

Result<> read_lines(LogPlan& to, const image::AccessLog& from) {
  const std::string_view form = text_of(from.format()), when = text_of(from.when());
  auto format = parse_line_format(form.empty() ? "json" : form);
  if (!format) return fail("format: " + format.error().message);
  to.format = std::move(*format);
  if (when.empty()) return {};
  auto filter = ExchangeFilter::parse(when);
  if (!filter) return fail("when: " + filter.error().message);
  to.when = std::move(*filter);
  return {};
}

Result<> open_log(LogPlan& to, const PlanSettings& settings, const LivePlan* running) {
  if (running)
    for (const auto& known : running->logs)
      if (known->name == to.name && known->target == to.target) to.log = known->log;
  if (to.log) return {};
  auto opened = AccessLog::open(to.target, uint32_t(settings.cpus.size()), settings.access_log_ring_bytes);
  if (!opened) return std::unexpected(std::move(opened.error()));
  to.log = std::move(*opened);
  return {};
}

Result<> fill_log(LogPlan& to, const image::AccessLog& from, const PlanSettings& settings, RowBook& rows,
                  const LivePlan* running) {
  if (auto done = read_target(to, from); !done) return done;
  if (auto done = read_lines(to, from); !done) return done;
  if (from.sampled() > 1'000'000) return fail("more is sampled than there is");
  to.sampled = from.sampled();
  to.masks = {from.mask_query(), from.mask_client()};
  stats::RowAdder add = rows.adder();
  to.rows = LogRows::add(add, to.name);
  to.row_set = rows.hold(std::move(add.rows));
  if (!add.done) return add.done;
  return open_log(to, settings, running);
}

}  // namespace

Result<Logs> load_logs(const image::Plan& plan, const PlanSettings& settings, RowBook& rows, const LivePlan* running) {
  Logs logs;
  if (!plan.logs()) return logs;
  if (plan.logs()->size() > kLogsMax) return fail(fmt::format("{} access logs; {} are possible", plan.logs()->size(), kLogsMax));
  for (const image::AccessLog* from : *plan.logs()) {
    auto log = std::make_shared<LogPlan>();
    log->name = from->name()->str();
    if (auto done = fill_log(*log, *from, settings, rows, running); !done)
      return std::unexpected(std::move(done.error()).in(fmt::format("access log \"{}\"", log->name)));
    logs.push_back(std::move(log));
  }
  return logs;
}

Result<Logs> choose_logs(const Logs& all, const flatbuffers::Vector<uint32_t>* chosen) {
  Logs logs;
  if (!chosen) return logs;
  for (const uint32_t index : *chosen) {
    if (index >= all.size()) return fail(fmt::format("it names access log {}, but there are {}", index, all.size()));
    logs.push_back(all[index]);
  }
  return logs;
}

}  // namespace cardea::l7::plan_detail
