// The questions, their limits, and the JSON of their answers.
#include "dataplane/control/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "dataplane/path/explain.h"
#include "dataplane/path/inspect.h"

namespace cardea::dataplane {
namespace {

using Json = nlohmann::ordered_json;
using namespace std::chrono_literals;

constexpr uint32_t kFlowsLimit = 10000;   // about 2 MB of text: more than anyone reads
constexpr auto kWorkerDeadline = 2000ms;  // a worker answers between bursts; a table of 10 M flows takes about a second

Result<std::string> text_of(const Json& question, const char* key) {
  const auto at = question.find(key);
  if (at == question.end() || !at->is_string())
    return fail(fmt::format("the question lacks \"{}\"", key), Origin::kOperator);
  return at->get<std::string>();
}

// ---- asking a worker

bool wait_until_done(Running& running, size_t worker, InspectRequest& request) {
  const auto deadline = std::chrono::steady_clock::now() + kWorkerDeadline;
  while (!request.done.load(std::memory_order_acquire)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    running.rings->workers[worker]->bell.ring();
    std::this_thread::sleep_for(200us);
  }
  return true;
}

// A request that was not answered in time stays with the worker, so it must outlive this question: it is kept for ever,
// and there can be but one for each worker.
template <typename Payload>
struct Asked {
  Payload payload;
  InspectRequest request;
};

template <typename Payload>
Result<Payload> ask_worker(Running& running, size_t worker, Payload payload, Payload* InspectRequest::*kind) {
  auto asked = std::make_unique<Asked<Payload>>();
  asked->payload = std::move(payload);
  asked->request.*kind = &asked->payload;
  if (!running.workers[worker]->inspections().ask(asked->request))
    return fail(fmt::format("worker {} is busy with another question; ask again", worker));
  if (wait_until_done(running, worker, asked->request)) return std::move(asked->payload);
  (void)asked.release();
  return fail(fmt::format("worker {} did not answer in time", worker));
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

Json status_json(Running& running, const Neighbours& neighbours) {
  Json ports = Json::array(), around = Json::array();
  for (const Port& port : running.ports)
    ports.push_back({{"name", port.name},
                     {"device", port.device_text},
                     {"link", link_is_up(port) ? "up" : "down"},
                     {"queues", port.queues},
                     {"mac", mac_text(port.mac)},
                     {"mtu", port.mtu}});
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

Result<std::vector<FlowsRequest>> flow_requests(const Running& running, const Json& question) {
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
  if (!question.contains("backend")) return std::vector{request};
  auto backend = text_of(question, "backend");
  if (!backend) return std::unexpected(std::move(backend).error());
  std::vector<FlowsRequest> requests;
  for (SlotId slot : slots_named(running, *backend)) requests.push_back(request), requests.back().slot = slot;
  if (requests.empty()) return fail(fmt::format("no backend \"{}\"", *backend), Origin::kOperator);
  return requests;
}

Result<Json> flows_json(Running& running, const Json& question) {
  auto requests = flow_requests(running, question);
  if (!requests) return std::unexpected(std::move(requests).error());
  const size_t limit = requests->front().limit;
  Json flows = Json::array();
  uint64_t total = 0;
  for (const FlowsRequest& request : *requests)
    for (size_t worker = 0; worker < running.workers.size(); ++worker) {
      auto answer = ask_worker(running, worker, request, &InspectRequest::flows);
      if (!answer) return std::unexpected(std::move(answer).error());
      total += answer->total;
      for (const FlowRecord& flow : answer->flows)
        if (flows.size() < limit) flows.push_back(flow_json(running, flow, worker));
    }
  const bool truncated = total > flows.size();
  return Json{{"flows", std::move(flows)}, {"total", total}, {"truncated", truncated}};
}

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

Result<Json> explain_json(Running& running, const Json& question) {
  auto tuple = tuple_of(question);
  if (!tuple) return std::unexpected(std::move(tuple).error());
  const LivePlan& plan = *running.plans->load();
  const uint32_t worker =
      explain_owner(plan, *tuple, uint32_t(running.workers.size()), steering_towards(running, tuple->source));
  auto answer = ask_worker(running, worker, Explanation{.tuple = *tuple}, &InspectRequest::explain);
  if (!answer) return std::unexpected(std::move(answer).error());
  return explanation_json(running, plan, *answer);
}

Result<Json> answer_json(const Json& question, Running& running, const Neighbours& neighbours) {
  auto what = text_of(question, "ask");
  if (!what) return std::unexpected(std::move(what).error());
  if (*what == "status") return status_json(running, neighbours);
  if (*what == "flows") return flows_json(running, question);
  if (*what == "explain") return explain_json(running, question);
  return fail(fmt::format("unknown question \"{}\"", *what), Origin::kOperator);
}

}  // namespace

Result<std::string> answer_question(std::string_view question, Running& running, const Neighbours& neighbours) try {
  const Json json = Json::parse(question, nullptr, false);
  if (!json.is_object()) return fail("the question is not a JSON object", Origin::kOperator);
  auto answer = answer_json(json, running, neighbours);
  if (!answer) return std::unexpected(std::move(answer).error());
  return answer->dump(-1, ' ', false, Json::error_handler_t::replace);
} catch (const nlohmann::json::exception& error) {
  return fail(fmt::format("the question's fields are of the wrong kind: {}", error.what()), Origin::kOperator);
}

}  // namespace cardea::dataplane
