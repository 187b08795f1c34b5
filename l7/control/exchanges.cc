#include "l7/control/exchanges.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "l7/proxy/flight_recorder.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::ordered_json;

// Each shard's own thread copies its texts out; they are read here.
std::vector<Json> all_stories(Running& running) {
  std::vector<std::pair<std::string_view, std::string>> texts;
  for (size_t i = 0; i < running.shards().size(); ++i) {
    auto its = std::make_shared<std::vector<std::pair<std::string_view, std::string>>>();
    const bool answered = running.ask(i, [its](proxy::Shard& shard) {
      shard.recorder().each([&](proxy::FlightRecorder::Kind kind, std::string_view text) {
        its->emplace_back(word(kind), std::string(text));
      });
    });
    if (answered) std::ranges::move(*its, std::back_inserter(texts));
  }
  std::vector<Json> stories;
  for (const auto& [kind, text] : texts) {
    Json story = Json::parse(text, nullptr, false);
    if (!story.is_object()) continue;
    story["kind"] = kind;
    stories.push_back(std::move(story));
  }
  return stories;
}

std::string text_of(const Json& story, const char* field) {
  const auto found = story.find(field);
  return found != story.end() && found->is_string() ? found->get<std::string>() : std::string();
}

double number_of(const Json& story, const char* field) {
  const auto found = story.find(field);
  return found != story.end() && found->is_number() ? found->get<double>() : 0;
}

bool has(const Json& story, const char* field) {
  return story.contains(field);
}

std::string who_asked(const Json& story) {
  const std::string tls = text_of(story, "tls");
  const std::string peer = has(story, "peer") ? fmt::format(" (through {})", text_of(story, "peer")) : "";
  return fmt::format("At {} client {}{} came to {} of service {} by {}{}", text_of(story, "ts"),
                     text_of(story, "client"), peer, text_of(story, "listener"), text_of(story, "service"),
                     text_of(story, "proto").empty() ? "a protocol that is not known" : text_of(story, "proto"),
                     tls.empty() ? "" : " over " + tls);
}

std::string what_was_asked(const Json& story) {
  if (!has(story, "method")) return "What it asked for was not understood, or was too long to be kept";
  const std::string query = text_of(story, "query");
  return fmt::format("It asked for {} {}{}{} of host {}, whose head was here after {:.3f} ms", text_of(story, "method"),
                     text_of(story, "path"), query.empty() ? "" : "?", query,
                     has(story, "host") ? text_of(story, "host") : "(none)", number_of(story, "t_head_ms"));
}

std::string where_it_went(const Json& story) {
  if (!has(story, "route")) return "No route took it";
  const std::string cache = has(story, "cache") ? fmt::format("; the cache had a {} for it", text_of(story, "cache")) : "";
  if (!has(story, "pool")) return fmt::format("Route {} answered it here{}", text_of(story, "route"), cache);
  const bool asked = !story.value("tried", Json::array()).empty();
  return fmt::format("Route {} {} pool {}{}{}", text_of(story, "route"), asked ? "sent it to" : "is for",
                     text_of(story, "pool"), asked ? "" : ", of which no backend was asked", cache);
}

std::string try_told(const Json& tried) {
  const std::string result = text_of(tried, "result"), detail = text_of(tried, "detail");
  const bool reused = tried.value("reused", false);
  return fmt::format("Backend {} was chosen ({}) after {:.3f} ms, over {}: {}{} after {:.3f} ms more",
                     text_of(tried, "backend"), text_of(tried, "choice"), number_of(tried, "began_ms"),
                     reused ? "a connection that was there" : "a new connection", result,
                     detail.empty() ? "" : " (" + detail + ")", number_of(tried, "ended_ms") - number_of(tried, "began_ms"));
}

std::string ending(const Json& story) {
  const std::string detail = text_of(story, "detail");
  const std::string status = number_of(story, "status") == 0 ? "no status" : fmt::format("status {}", number_of(story, "status"));
  return fmt::format("{}, {}{}, after {:.3f} ms, {} bytes in and {} out", status, text_of(story, "reason"),
                     detail.empty() ? "" : " (" + detail + ")", number_of(story, "t_total_ms"),
                     number_of(story, "bytes_in"), number_of(story, "bytes_out"));
}

Json tell(const Json& story) {
  Json told = Json::array({who_asked(story), what_was_asked(story), where_it_went(story)});
  if (has(story, "t_queue_ms"))
    told.push_back(fmt::format("It waited {:.3f} ms for a place at a backend", number_of(story, "t_queue_ms")));
  for (const Json& tried : story.value("tried", Json::array())) told.push_back(try_told(tried));
  if (has(story, "t_first_ms"))
    told.push_back(fmt::format("The response's head was here after {:.3f} ms", number_of(story, "t_first_ms")));
  return told;
}

}  // namespace

Json recorded_exchanges(Running& running, const std::string& kind, size_t limit) {
  std::vector<Json> stories = all_stories(running);
  std::erase_if(stories, [&](const Json& story) { return !kind.empty() && text_of(story, "kind") != kind; });
  std::ranges::stable_sort(stories, std::greater{}, [](const Json& story) { return text_of(story, "ts"); });
  const size_t total = stories.size();
  stories.resize(std::min(total, limit));
  return {{"exchanges", stories}, {"total", total}};
}

Result<Json> recorded_exchange(Running& running, const std::string& id) {
  for (Json& story : all_stories(running)) {
    if (text_of(story, "id") != id) continue;
    story["story"] = tell(story);
    story["verdict"] = ending(story);
    return story;
  }
  return fail(fmt::format("no exchange {} is remembered: each shard keeps the last {} that failed, the last {} that were "
                          "refused and the {} slowest of ten minutes",
                          id, proxy::FlightRecorder::kFailed, proxy::FlightRecorder::kRefused, proxy::FlightRecorder::kSlow),
              Origin::kOperator);
}

}  // namespace cardea::l7
