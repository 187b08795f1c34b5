// The memory of neighbours: reports in, questions out.
#include "dataplane/state/neighbours.h"

#include <algorithm>

namespace cardea::dataplane {

Neighbours::Entry* Neighbours::find_or_add(const Key& key, Instant now) {
  if (const auto at = entries_.find(key); at != entries_.end()) return &at->second;
  if (entries_.size() >= entries_max_) return ++refused_, nullptr;
  return &entries_.emplace(key, Entry{.since = now}).first->second;
}

bool Neighbours::report(const Key& key, Report what, const std::array<uint8_t, 6>& mac, Instant now) {
  if (what == Report::kGone) {
    const auto at = entries_.find(key);
    if (at == entries_.end()) return false;
    const bool shown = at->second.state != State::kAsked;
    entries_.erase(at);
    return shown;
  }
  Entry* entry = find_or_add(key, now);
  if (entry == nullptr) return false;
  // While the kernel asks again it keeps no link address; what was known stays usable until it says that it failed.
  if (what == Report::kIncomplete) {
    if (entry->state == State::kAsked) entry->asked = now;
    return false;
  }
  const State state = what == Report::kReachable ? State::kResolved : State::kFailed;
  const bool changed = entry->state != state || (state == State::kResolved && entry->mac != mac);
  if (entry->state != state) entry->since = now;
  entry->state = state;
  if (state == State::kResolved) entry->mac = mac, entry->asked = now;
  return changed;
}

bool Neighbours::ask(const Key& key, Instant now) {
  const bool known = entries_.contains(key);
  Entry* entry = find_or_add(key, now);
  if (entry == nullptr || entry->state != State::kAsked) return false;
  if (known && now - entry->asked < kAskAgain) return false;
  entry->asked = now;
  return true;
}

Neighbours::Due Neighbours::tick(Instant now) {
  Due due;
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto& [key, entry] = *at;
    const bool needed = needed_.contains(key);
    const bool silent_asked = entry.state == State::kAsked && now - entry.asked >= 3 * kAskAgain;
    if (!needed && ((entry.state == State::kFailed && now - entry.since >= kFailedFor) || silent_asked)) {
      due.changed |= entry.state == State::kFailed;
      at = entries_.erase(at);
      continue;
    }
    const auto pause = entry.state == State::kResolved ? kRefresh : kAskAgain;
    if (now - entry.asked >= pause && (needed || entry.state == State::kResolved))
      entry.asked = now, due.ask.push_back(key);
    ++at;
  }
  for (const Key& key : needed_)
    if (!entries_.contains(key) && ask(key, now)) due.ask.push_back(key);
  return due;
}

const Neighbours::Entry* Neighbours::find(const Key& key) const {
  const auto at = entries_.find(key);
  return at == entries_.end() ? nullptr : &at->second;
}

size_t Neighbours::count(State state) const {
  return size_t(std::ranges::count_if(entries_, [&](const auto& item) { return item.second.state == state; }));
}

}  // namespace cardea::dataplane
