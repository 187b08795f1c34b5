// The questions, their limits, and the JSON of their answers.
#include "dataplane/control/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dataplane/path/explain.h"
#include "dataplane/path/inspect.h"

namespace cardea::dataplane {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kFlowsLimit = 10000;  // about 2 MB of text: more than anyone reads

std::string text_of_answer(const Json& answer) {
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> text_of(const Json& question, const char* key) {
  const auto at = question.find(key);
  if (at == question.end() || !at->is_string())
    return fail(fmt::format("the question lacks \"{}\"", key), Origin::kOperator);
  return at->get<std::string>();
}

// ---- asking workers

// One worker's part of a question.
template <typename Payload>
struct Asked {
  Payload payload;
  InspectRequest request;

  bool post(Running& running, size_t worker, Payload* InspectRequest::*kind) {
    request.*kind = &payload;
    if (!running.workers[worker]->inspections().ask(request)) return request.done = true, false;
    running.rings->workers[worker]->bell.ring();
    return true;
  }
  bool done() const { return request.done.load(std::memory_order_acquire); }
};

std::string busy(size_t worker) {
  return fmt::format("worker {} is busy with another question of this kind; ask again", worker);
}

// ---- status

std::string mac_text(const std::array<uint8_t, 6>& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

const char* name_of(Neighbours::State state) {
  switch (state) {
    case Neighbours::State::kAsked:
      return "asked";
    case Neighbours::State::kResolved:
      return "resolved";
    case Neighbours::State::kFailed:
      return "failed";
  }
  return "";
}

uint64_t sum(const Running& running, uint32_t cell) {
  uint64_t total = 0;
  for (uint32_t core = 0; core < running.segment->cores(); ++core) total += running.segment->cells(core)[cell];
  return total;
}

Json workers_json(const Running& running) {
  Json list = Json::array();
  const auto& cpus = running.plans->load()->settings.workers;
  for (size_t i = 0; i < running.workers.size(); ++i) {
    const uint64_t* cells = running.segment->cells(uint32_t(i));
    list.push_back({{"cpu", cpus[i]},
                    {"busy_nanoseconds", cells[running.rows.busy_ns]},
                    {"sleeping_nanoseconds", cells[running.rows.sleeping_ns]}});
  }
  return list;
}

// The oldest first.
Json l7_json(const L7Instances* instances) {
  Json list = Json::array();
  if (instances == nullptr) return list;
  for (const L7Instance* one : {instances->older, instances->newest})
    if (one != nullptr)
      list.push_back({{"instance", one->number()}, {"shards", one->shards()}, {"newest", one == instances->newest}});
  return list;
}

Json status_json(Running& running, const Neighbours& neighbours) {
  Json ports = Json::array(), around = Json::array();
  for (const Port& port : running.ports)
    ports.push_back({{"name", port.name},
                     {"device", port.device_text},
                     {"link", state_of(port) == PortState::kUp ? "up" : "down"},
                     {"queues", port.queues},
                     {"mac", mac_text(port.mac)},
                     {"mtu", port.mtu},
                     {"xdp", name(port.way)},
                     {"kernel", port.shared ? "interface" : "tap"}});
  neighbours.each([&](const Neighbours::Key& key, const Neighbours::Entry& entry) {
    around.push_back({{"address", key.address.text()},
                      {"port", running.ports[key.port].name},
                      {"mac", mac_text(entry.mac)},
                      {"state", name_of(entry.state)}});
  });
  uint64_t flows_max = 0;
  for (const auto& worker : running.workers) flows_max += worker->flows_max();
  return {{"generation", running.plans->load()->generation},
          {"started_at", running.started_at},
          {"workers", workers_json(running)},
          {"ports", ports},
          {"flows", sum(running, running.path_cells.flows)},
          {"flows_max", flows_max},
          {"blocked", running.blocked.size()},
          {"l7", l7_json(running.l7->load())},
          {"neighbours", around}};
}

// ---- flows

const char* name_of(FlowState state) {
  switch (state) {
    case FlowState::kFree:
      return "free";
    case FlowState::kSyn:
      return "syn";
    case FlowState::kEstablished:
      return "established";
    case FlowState::kClosing:
      return "closing";
    case FlowState::kUdp:
      return "udp";
    case FlowState::kUdpOnce:
      return "udp once";
    case FlowState::kReset:
      return "reset";
  }
  return "";
}

std::string endpoint_text(const IpAddress& address, uint16_t port_be) {
  return Endpoint{address, __builtin_bswap16(port_be)}.text();
}

Json flow_json(const Running& running, const FlowRecord& flow, size_t worker) {
  Json json;
  const std::string* service = running.registry->service_name(flow.service);
  const SlotIdentity* slot = running.registry->identity(flow.slot);
  json["service"] = service != nullptr ? Json(*service) : Json(nullptr);
  json["pool"] = slot != nullptr ? Json(slot->pool) : Json(nullptr);
  json["backend"] = slot != nullptr ? Json(slot->backend) : Json(nullptr);
  json["client"] = endpoint_text(flow.tuple.source, flow.tuple.source_port_be);
  json["destination"] = endpoint_text(flow.tuple.destination, flow.tuple.destination_port_be);
  json["protocol"] = name(flow.tuple.protocol);
  if (flow.nat_source) json["nat_source"] = flow.nat_source->text();
  json["state"] = name_of(flow.state);
  json["idle_ms"] = flow.idle_ms;
  json["worker"] = worker;
  return json;
}

// Which slots the word for a backend means: its name, in any pool.
std::vector<SlotId> slots_named(const Running& running, const std::string& backend) {
  std::vector<SlotId> found;
  for (SlotId slot = 0; slot < running.registry->slots_end(); ++slot)
    if (const SlotIdentity* identity = running.registry->identity(slot);
        identity != nullptr && (identity->backend == backend || identity->pool + "/" + identity->backend == backend))
      found.push_back(slot);
  return found;
}

Result<FlowsRequest> flows_request(const Running& running, const Json& question) {
  FlowsRequest request;
  request.limit = std::clamp<uint32_t>(question.value("limit", 100u), 1, kFlowsLimit);
  if (question.contains("client")) {
    auto text = text_of(question, "client");
    if (!text) return std::unexpected(std::move(text).error());
    auto client = IpAddress::parse(*text);
    if (!client) return std::unexpected(std::move(client).error());
    request.client = *client;
  }
  if (question.contains("service")) {
    auto service = text_of(question, "service");
    if (!service) return std::unexpected(std::move(service).error());
    for (ServiceId id = 0; id < running.registry->services_end(); ++id)
      if (const std::string* known = running.registry->service_name(id); known != nullptr && *known == *service)
        request.service = id;
    if (!request.service) return fail(fmt::format("no service \"{}\"", *service), Origin::kOperator);
  }
  if (!question.contains("backend")) return request;
  auto backend = text_of(question, "backend");
  if (!backend) return std::unexpected(std::move(backend).error());
  request.slots = slots_named(running, *backend);
  if (request.slots.empty()) return fail(fmt::format("no backend \"{}\"", *backend), Origin::kOperator);
  return request;
}

class FlowsInquiry : public Inquiry {
 public:
  FlowsInquiry(Running& running, const FlowsRequest& request) : running_(running), limit_(request.limit) {
    for (size_t worker = 0; worker < running.workers.size(); ++worker) {
      asked_.push_back(std::make_unique<Asked<FlowsRequest>>());
      asked_.back()->payload = request;
      if (!asked_.back()->post(running, worker, &InspectRequest::flows)) refused_ = busy(worker);
    }
  }

  bool done() const override {
    return std::ranges::all_of(asked_, [](const auto& one) { return one->done(); });
  }

  Result<std::string> answer() override {
    if (!refused_.empty()) return fail(refused_);
    Json flows = Json::array();
    uint64_t total = 0;
    for (size_t worker = 0; worker < asked_.size(); ++worker) {
      total += asked_[worker]->payload.total;
      for (const FlowRecord& flow : asked_[worker]->payload.flows)
        if (flows.size() < limit_) flows.push_back(flow_json(running_, flow, worker));
    }
    const bool truncated = total > flows.size();
    return text_of_answer(Json{{"flows", std::move(flows)}, {"total", total}, {"truncated", truncated}});
  }

 private:
  Running& running_;
  size_t limit_;
  std::vector<std::unique_ptr<Asked<FlowsRequest>>> asked_;  // by worker
  std::string refused_;
};

// ---- explain

Result<FlowTuple> tuple_of(const Json& question) {
  const auto endpoint = [&](const char* key) -> Result<Endpoint> {
    auto text = text_of(question, key);
    if (!text) return std::unexpected(std::move(text).error());
    return Endpoint::parse(*text);
  };
  auto source = endpoint("source");
  auto destination = endpoint("destination");
  if (!source) return std::unexpected(std::move(source).error().in("source"));
  if (!destination) return std::unexpected(std::move(destination).error().in("destination"));
  if (source->address.is_v4() != destination->address.is_v4())
    return fail("source and destination are of different families", Origin::kOperator);
  const std::string protocol = question.value("protocol", std::string("tcp"));
  if (protocol != "tcp" && protocol != "udp") return fail("protocol: tcp or udp", Origin::kOperator);
  return FlowTuple{source->address, destination->address, __builtin_bswap16(source->port),
                   __builtin_bswap16(destination->port), protocol == "tcp" ? Protocol::kTcp : Protocol::kUdp};
}

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kForward:
    case Verdict::kWait:
      return "forward";
    case Verdict::kDoor:
      return "kernel";
    case Verdict::kShard:
      return "shard";
    case Verdict::kToSender:
    case Verdict::kDrop:
      return "drop";
    case Verdict::kHandOver:
      return "hand_over";
    case Verdict::kHold:  // fragments, which are no question
    case Verdict::kOnTheLine:
      break;
  }
  return "none";
}

Json hop_json(const Running& running, const Hop& hop) {
  const char* const states[] = {"resolved", "unresolved", "on_link", "failed"};
  return {{"port", running.ports[hop.port].name},
          {"address", hop.address.text()},
          {"mac", mac_text(hop.destination_mac)},
          {"state", states[size_t(hop.state)]}};
}

void add_choice(Json& json, const Running& running, const LivePlan& plan, const Explanation& e) {
  if (e.service != kNoService && e.service < plan.services->size()) {
    const LiveService& service = (*plan.services)[e.service];
    json["service"] = service.name;
    json["forward"] = image::EnumNameForward(service.forward);
  }
  if (e.has_hash) json["hash"] = fmt::format("{:#018x}", e.hash);
  json["worker"] = e.owner;
  json["flow"] = e.flow_hit ? "hit" : "miss";
  if (const SlotIdentity* slot = running.registry->identity(e.slot); slot != nullptr) {
    json["slot"] = e.slot;
    json["ring_slot"] = e.ring_slot;
    json["pool"] = slot->pool;
    json["backend"] = slot->backend;
  }
}

Json explanation_json(const Running& running, const LivePlan& plan, const Explanation& e) {
  Json json;
  add_choice(json, running, plan, e);
  if (e.is_rewritten)
    json["rewrite"] = {{"source", endpoint_text(e.rewritten.source, e.rewritten.source_port_be)},
                       {"destination", endpoint_text(e.rewritten.destination, e.rewritten.destination_port_be)}};
  if (e.encapsulated)
    json["rewrite"] = {{"outer_source", e.rewritten.source.text()},
                       {"outer_destination", e.rewritten.destination.text()}};
  if (e.hop != kNoHop) json["hop"] = hop_json(running, e.next_hop);
  json["verdict"] = verdict_name(e.verdict);
  if (e.verdict == Verdict::kShard) json["shard"] = e.shard, json["instance"] = e.instance;
  if (e.reason != Reason::kNone) json["reason"] = name(e.reason);
  json["story"] = story(plan, *running.registry, e);
  return json;
}

// Of the port that this client's packets come by, as far as the way back to it tells.
Steering steering_towards(const Running& running, const IpAddress& client) {
  const HopTable* hops = running.hops->load();
  const HopId hop = hops == nullptr ? kNoHop : hops->routes.lookup(client);
  if (hop == kNoHop || hops->hops[hop].port >= running.ports.size()) return {};
  return running.ports[hops->hops[hop].port].steering;
}

class ExplainInquiry : public Inquiry {
 public:
  ExplainInquiry(Running& running, const FlowTuple& tuple)
      : running_(running),
        worker_(explain_owner(*running.plans->load(), tuple, uint32_t(running.workers.size()),
                              steering_towards(running, tuple.source))) {
    asked_.payload.tuple = tuple;
    accepted_ = asked_.post(running, worker_, &InspectRequest::explain);
  }

  bool done() const override { return asked_.done(); }

  Result<std::string> answer() override {
    if (!accepted_) return fail(busy(worker_));
    return text_of_answer(explanation_json(running_, *running_.plans->load(), asked_.payload));
  }

 private:
  Running& running_;
  size_t worker_;
  Asked<Explanation> asked_;
  bool accepted_ = false;
};

// ---- blocks

// Pairs of a source and the milliseconds that are left of its time; all there are.
Result<Blocks::Sources> sources_of(const Json& question, Instant now) {
  Blocks::Sources sources;
  for (const Json& one : question.at("sources")) {
    auto source = IpAddress::parse(one.at(0).get<std::string>());
    if (!source) return std::unexpected(std::move(source).error().in("sources"));
    sources[*source] = now + std::chrono::milliseconds(one.at(1).get<uint32_t>());
  }
  return sources;
}

// What is known here and now.
class Known : public Inquiry {
 public:
  explicit Known(std::string text) : text_(std::move(text)) {}
  bool done() const override { return true; }
  Result<std::string> answer() override { return std::move(text_); }

 private:
  std::string text_;
};

Result<std::unique_ptr<Inquiry>> inquiry_of(const Json& question, Running& running, const Neighbours& neighbours) {
  auto what = text_of(question, "ask");
  if (!what) return std::unexpected(std::move(what).error());
  if (*what == "status") return std::make_unique<Known>(text_of_answer(status_json(running, neighbours)));
  if (*what == "block") {
    auto blocked = running.blocked.set(sources_of(question, monotonic_now()));
    if (!blocked) return std::unexpected(std::move(blocked).error());
    running.blocks->publish(running.blocked.list());
    return std::make_unique<Known>(text_of_answer({{"blocked", running.blocked.size()}}));
  }
  if (*what == "flows") {
    auto request = flows_request(running, question);
    if (!request) return std::unexpected(std::move(request).error());
    return std::make_unique<FlowsInquiry>(running, *request);
  }
  if (*what == "explain") {
    auto tuple = tuple_of(question);
    if (!tuple) return std::unexpected(std::move(tuple).error());
    return std::make_unique<ExplainInquiry>(running, *tuple);
  }
  return fail(fmt::format("unknown question \"{}\"", *what), Origin::kOperator);
}

}  // namespace

Result<std::unique_ptr<Inquiry>> Inquiry::begin(std::string_view question, Running& running,
                                                const Neighbours& neighbours) try {
  const Json json = Json::parse(question, nullptr, false);
  if (!json.is_object()) return fail("the question is not a JSON object", Origin::kOperator);
  return inquiry_of(json, running, neighbours);
} catch (const nlohmann::json::exception& error) {
  return fail(fmt::format("the question's fields are of the wrong kind: {}", error.what()), Origin::kOperator);
}

}  // namespace cardea::dataplane
