#include "mgmt/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace cardea::mgmt {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kPause{1000}, kLongest{24 * 3600 * 1000};

}  // namespace

std::vector<Blame> blames_from(const std::string& answer) {
  std::vector<Blame> all;
  const Json json = Json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains("blamed") || !json["blamed"].is_array()) return all;
  for (const Json& row : json["blamed"]) {
    if (!row.is_object() || !row.contains("client") || !row["client"].is_string()) continue;
    const auto source = IpAddress::parse(row["client"].get<std::string>());
    if (!source || !row.contains("block_ms") || !row["block_ms"].is_number_unsigned()) continue;
    const auto limit = row.contains("limit") && row["limit"].is_string() ? row["limit"].get<std::string>() : "";
    all.push_back({*source, std::min(milliseconds(row["block_ms"].get<uint32_t>()), kLongest), limit});
  }
  return all;
}

Blocks::Blocks(EventLoop& loop, std::map<IpAddress, Block>& blocks, Changed changed)
    : loop_(loop), blocks_(blocks), changed_(std::move(changed)) {}

void Blocks::begin(PlanLink& l7, PlanLink& dataplane) {
  l7_ = &l7, dataplane_ = &dataplane;
  look();
}

void Blocks::take(const conf::Config& config, std::vector<IpAddress> own) {
  exempt_ = Exempt(config, own);
  sources_max_ = config.dataplane ? config.dataplane->blocks.sources_max : 0;
  blocking_.clear();
  for (const auto& limit : config.rate_limits)
    if (limit.block_ms != 0) blocking_.insert(limit.name);
  const auto free = [&](const auto& one) { return exempt_.has(one.first) || !blocking_.contains(one.second.limit); };
  const size_t freed = std::erase_if(blocks_, free);
  if (freed + drop_beyond() != 0) change();
}

size_t Blocks::drop_beyond() {
  if (blocks_.size() <= sources_max_) return 0;
  const size_t beyond = blocks_.size() - sources_max_;
  std::vector<std::map<IpAddress, Block>::iterator> all;
  for (auto at = blocks_.begin(); at != blocks_.end(); ++at) all.push_back(at);
  std::ranges::nth_element(all, all.begin() + ptrdiff_t(beyond), {}, [](auto at) { return at->second.until; });
  for (size_t i = 0; i < beyond; ++i) blocks_.erase(all[i]);
  refused_ += beyond;
  log::warning("{} sources are blocked no more: dataplane.blocks.sources_max is {} now", beyond, sources_max_);
  return beyond;
}

void Blocks::change() {
  news_ = true;
  changed_();
}

void Blocks::add(const std::vector<Blame>& blamed, Clock::time_point now) {
  bool changed = false;
  for (const Blame& one : blamed) {
    if (exempt_.has(one.source) || !blocking_.contains(one.limit)) continue;  // a reload may have come in between
    auto known = blocks_.find(one.source);
    if (known == blocks_.end() && blocks_.size() >= sources_max_) {
      ++refused_;
      continue;
    }
    if (known == blocks_.end()) {
      log::info("{} is blocked for {} s: the limit {} has refused it too often", one.source.text(), one.time.count() / 1000, one.limit);
      known = blocks_.emplace(one.source, Block{now, now, one.limit}).first;
    }
    known->second.until = std::max(known->second.until, now + one.time);
    changed = true;
  }
  if (changed) change();
}

// A clock that was set back blocks nobody for longer than a day; whose time is over the dataplane knows by itself.
void Blocks::expire(Clock::time_point now) {
  if (std::erase_if(blocks_, [now](const auto& one) { return one.second.until > now + kLongest; }) != 0) change();
  if (std::erase_if(blocks_, [now](const auto& one) { return one.second.until <= now; }) != 0) changed_();
}

bool Blocks::free(const IpAddress& source) {
  const bool known = blocks_.erase(source) != 0;
  change();
  if (dataplane_ != nullptr) tell_dataplane();
  return known;
}

std::string Blocks::question(Clock::time_point now) const {
  Json sources = Json::array();
  for (const auto& [source, block] : blocks_) {
    const auto left = std::chrono::ceil<milliseconds>(block.until - now);
    if (left.count() > 0) sources.push_back({source.text(), uint32_t(std::min(left, kLongest).count())});
  }
  return Json{{"ask", "block"}, {"sources", std::move(sources)}}.dump();
}

void Blocks::look() {
  expire(Clock::now());
  if (!blocking_.empty() && sources_max_ != 0) ask_l7();
  tell_dataplane();
  loop_.post_after(kPause, [this] { look(); });
}

void Blocks::ask_l7() {
  if (asking_ || !l7_->link().connected) return;
  asking_ = true;
  l7_->ask(R"({"ask":"blamed"})", [this](control::Outcome<std::string> answer) {
    loop_.post([this, answer = std::move(answer)] {
      asking_ = false;
      if (!answer) return;
      add(blames_from(*answer), Clock::now());
      tell_dataplane();
    });
  });
}

// One that was started anew knows of nobody; another one may know of somebody who is blocked no more.
void Blocks::tell_dataplane() {
  const PlanLink::Peer peer = dataplane_->link();
  const bool another = peer.pid != told_.pid || peer.since != told_.since;
  if (telling_ || !peer.connected || !(news_ || another)) return;
  telling_ = true, news_ = false;
  dataplane_->ask(question(Clock::now()), [this, peer](control::Outcome<std::string> answer) {
    loop_.post([this, peer, answer = std::move(answer)] { take_answer(answer, peer); });
  });
}

// Told again in a second, whoever is blocked by then.
void Blocks::take_answer(const control::Outcome<std::string>& answer, const PlanLink::Peer& from) {
  telling_ = false;
  const bool begins = !answer && answer.error().code == control::Code::kNoPlan;  // it forwards nothing yet
  const std::string why = answer || begins ? std::string() : answer.error().message;
  if (answer) told_ = from;
  else news_ = true;
  if (!why.empty()) ++untold_;
  if (!why.empty() && why != trouble_) log::warning("the dataplane does not take the list of who is blocked: {}", why);
  trouble_ = why;
}

}  // namespace cardea::mgmt
