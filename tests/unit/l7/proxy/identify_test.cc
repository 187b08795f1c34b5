// What exchanges are called, towards backends, clients and in the log, and the traces they belong to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "l7/proxy/exchange_ids.h"
#include "tests/unit/l7/proxy/cached.h"

namespace cardea::l7::proxy::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kParent = "00-" + kTrace + "-b7ad6b7169203331-01";

std::string field(const std::string& head, const std::string& name) {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == head.npos) return {};
  const size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// What a backend was sent, what the client got, and the log's line.
struct Seen {
  std::string request, response;
  nlohmann::json line;
};
Seen ask(Site& site, const std::string& fields, const std::string& answer = ok("x")) {
  Peer client = site.client();
  client.send(get("/", fields));
  Peer backend = site.origin().accept();
  Seen seen;
  seen.request = backend.message();
  backend.send(answer);
  seen.response = client.message();
  seen.line = site.log_line();
  return seen;
}

// `from`: the proxies that are believed.
Site::Change with_id(const std::string& from, bool answers = false, const std::string& header = "") {
  return [=](image::PlanT& plan) {
    auto& id = plan.services[0]->request_id;
    id = std::make_unique<image::RequestIdT>();
    id->answers = answers;
    id->header = header;
    if (from.empty()) return;
    plan.services[0]->policies = std::make_unique<settings::PoliciesT>();
    plan.services[0]->policies->trusted_proxies = std::make_unique<settings::TrustedProxiesT>();
    plan.services[0]->policies->trusted_proxies->from = {from};
  };
}

TEST(ExchangeIds, NeverComeAgainAndAreNotTheOthers) {
  ExchangeIds ids({1, 2}), others({1, 3});
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) {
    for (ExchangeIds* of : {&ids, &others}) {
      const auto id = of->next();
      const std::string text(id.data(), id.size());
      EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), text.npos);
      EXPECT_TRUE(all.insert(text).second) << text;
    }
  }
}

TEST(ExchangeIds, HaveEveryDigitAtEveryPlace) {
  ExchangeIds ids({1, 2});
  std::array<std::set<char>, 32> id_digits;
  std::array<std::set<char>, 16> span_digits;
  for (int i = 0; i < 1000; ++i) {
    const auto id = ids.next();
    for (size_t at = 0; at < id.size(); ++at) id_digits[at].insert(id[at]);
    const auto span = ids.next_span();
    for (size_t at = 0; at < span.size(); ++at) span_digits[at].insert(span[at]);
  }
  const std::string hex = "0123456789abcdef";
  const std::set<char> all(hex.begin(), hex.end());
  for (const auto& digits : id_digits) EXPECT_EQ(digits, all);
  for (const auto& digits : span_digits) EXPECT_EQ(digits, all);
}

TEST(Identify, TheLogAndTheBackendHaveTheSameId) {
  Site site;
  const Seen seen = ask(site, "");
  const std::string id = field(seen.request, "X-Request-ID");
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(seen.line["id"], id);
  EXPECT_NE(ask(site, "").line["id"], id);
  EXPECT_THAT(seen.response, Not(HasSubstr("X-Request-ID")));
  EXPECT_EQ(seen.line["choice"], "round_robin");
}

TEST(Identify, WhatAStrangerSendsIsReplaced) {
  Site site;
  const Seen seen = ask(site, "X-Request-ID: forged\r\nx-request-id: again\r\nX_Request_Id: alike\r\n");
  EXPECT_THAT(seen.request, Not(HasSubstr("forged")));
  EXPECT_THAT(seen.request, Not(HasSubstr("again")));
  EXPECT_THAT(seen.request, Not(HasSubstr("alike")));
  EXPECT_EQ(count_of(seen.request, "X-Request-ID: "), 1u);
}

TEST(Identify, WhoIsTrustedIsBelieved) {
  Site site(with_id("127.0.0.0/8"));
  const Seen seen = ask(site, "x-request-id: 6ba7b810-9dad-11d1-80b4-00c04fd430c8\r\n");
  EXPECT_EQ(field(seen.request, "X-Request-ID"), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  EXPECT_EQ(seen.line["id"], "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  const std::string bad[] = {"X-Request-ID: a b\r\n", "X-Request-ID: a\"b\r\n", "X-Request-ID:\r\n",
                             "X-Request-ID: " + std::string(129, 'a') + "\r\n", "X-Request-ID: a\r\nX-Request-ID: b\r\n"};
  for (const std::string& fields : bad) {
    const Seen made = ask(site, fields);
    EXPECT_EQ(field(made.request, "X-Request-ID").size(), 32u) << fields;
    EXPECT_EQ(count_of(made.request, "equest-ID: "), 1u) << fields;
  }
}

TEST(Identify, OfAnotherNetworkNobodyIs) {
  Site site(with_id("10.0.0.0/8"));
  EXPECT_EQ(field(ask(site, "X-Request-ID: forged\r\n").request, "X-Request-ID").size(), 32u);
}

TEST(Identify, AnotherHeaderMayTellIt) {
  Site site(with_id("", false, "X-Correlation-Id"));
  const Seen seen = ask(site, "X-Request-ID: its own\r\nx_correlation_id: forged\r\nX-Correlation-ID: too\r\n");
  EXPECT_EQ(seen.line["id"], field(seen.request, "X-Correlation-Id"));
  EXPECT_THAT(seen.request, HasSubstr("\r\nX-Request-ID: its own\r\n"));
  EXPECT_THAT(seen.request, Not(HasSubstr("forged")));
  EXPECT_THAT(seen.request, Not(HasSubstr("too")));
}

TEST(Identify, ClientsAreToldWhereTheServiceSaysSo) {
  Site site(with_id("", true));
  const Seen seen = ask(site, "", ok("x", "X-Request-ID: the backend's own\r\n"));
  EXPECT_EQ(seen.line["id"], field(seen.response, "X-Request-ID"));
  EXPECT_EQ(count_of(seen.response, "X-Request-ID"), 1u);
  Peer client = site.client();
  site.origin().refuse();
  client.send(get("/"));
  const std::string refused = client.message();
  EXPECT_THAT(refused, HasSubstr("HTTP/1.1 502"));
  EXPECT_EQ(site.log_line()["id"], field(refused, "X-Request-ID"));
}

// The object holds another exchange's answer.
TEST(Identify, WhatTheCacheServesHasTheIdOfWhoAsked) {
  Site site(with_id("", true));
  Peer client = site.client();
  client.send(get("/cached/x"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x", "Cache-Control: max-age=60\r\n"));
  const std::string first = client.message();
  EXPECT_EQ(site.log_line()["id"], field(first, "X-Request-ID"));
  client.send(get("/cached/x"));
  const std::string hit = client.message();
  const auto line = site.log_line();
  EXPECT_EQ(line["cache"], "hit");
  EXPECT_EQ(line["id"], field(hit, "X-Request-ID"));
  EXPECT_EQ(count_of(hit, "X-Request-ID"), 1u);
}

// ------------------------------------------------------------------ traces

Site::Change with_trace(image::TraceRule rule, uint32_t sampled = 1'000'000) {
  return [=](image::PlanT& plan) {
    plan.services[0]->trace = rule;
    plan.services[0]->trace_sampled = sampled;
  };
}

TEST(Trace, PassesAsItCame) {
  Site site;
  const Seen seen = ask(site, "traceparent: " + kParent + "\r\ntracestate: a=b\r\n");
  EXPECT_EQ(field(seen.request, "traceparent"), kParent);
  EXPECT_EQ(field(seen.request, "tracestate"), "a=b");
  EXPECT_EQ(seen.line["trace"], kTrace);
  const Seen odd = ask(site, "traceparent: nonsense\r\n");
  EXPECT_EQ(field(odd.request, "traceparent"), "nonsense");
  EXPECT_FALSE(odd.line.contains("trace"));
  EXPECT_FALSE(ask(site, "").line.contains("trace"));
}

TEST(Trace, IsContinuedOrBegins) {
  Site site(with_trace(image::TraceRule::continued));
  const Seen theirs = ask(site, "traceparent: " + kParent + "\r\ntracestate: a=b\r\n");
  EXPECT_EQ(field(theirs.request, "traceparent"), kParent);
  EXPECT_EQ(field(theirs.request, "tracestate"), "a=b");
  for (const std::string& fields : {std::string(), "traceparent: " + kParent + "x\r\ntracestate: a=b\r\n",
                                    "traceparent: " + kParent + "\r\ntraceparent: " + kParent + "\r\n"}) {
    const Seen seen = ask(site, fields);
    const std::string parent = field(seen.request, "traceparent"), id = seen.line["id"];
    EXPECT_EQ(parent.substr(0, 36), "00-" + id + "-") << fields;
    EXPECT_TRUE(parent.ends_with("-01"));
    EXPECT_EQ(seen.line["trace"], id);
    EXPECT_EQ(count_of(seen.request, "\r\ntraceparent: "), 1u);
    EXPECT_THAT(seen.request, Not(HasSubstr("tracestate")));
  }
}

TEST(Trace, BeginsWhateverTheClientSays) {
  Site site(with_trace(image::TraceRule::begun, 0));
  const Seen seen = ask(site, "traceparent: " + kParent + "\r\ntracestate: a=b\r\n");
  EXPECT_THAT(seen.request, Not(HasSubstr(kTrace)));
  EXPECT_THAT(seen.request, Not(HasSubstr("tracestate")));
  EXPECT_TRUE(field(seen.request, "traceparent").ends_with("-00")) << "none of a hundred is sampled";
}

// ------------------------------------------------------------------ times

TEST(Times, OfConnectingAreTold) {
  Site site;
  Peer client = site.client();
  client.send(get("/"));
  Peer backend = site.origin().accept();
  backend.message();
  backend.send(ok("x"));
  client.message();
  EXPECT_TRUE(site.log_line().contains("t_dial_ms"));
  client.send(get("/"));
  backend.message();
  backend.send(ok("x"));
  client.message();
  const auto reused = site.log_line();
  EXPECT_EQ(reused["reused"], true);
  EXPECT_FALSE(reused.contains("t_dial_ms"));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
