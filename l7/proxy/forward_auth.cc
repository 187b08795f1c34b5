#include "l7/proxy/forward_auth.h"

#include "l7/http/parse_head.h"
#include "l7/proxy/ask.h"
#include "l7/proxy/auth_question.h"
#include "l7/proxy/exchange.h"

namespace cardea::l7::proxy {
namespace {

using policy::AuthAnswer;
using policy::ForwardAuth;

// One of those that wait for an answer, as long as its client does.
class Waiting {
 public:
  Waiting(Exchange& x, Ask& ask) : x_(x), ask_(ask) {
    ask.enter();
    x.bell = &ask.bell;
    x.watch.stop();
    x.watch.start();
  }
  Waiting(const Waiting&) = delete;
  ~Waiting() {
    x_.watch.stop();
    x_.bell = nullptr;
    ask_.leave();
  }

 private:
  Exchange& x_;
  Ask& ask_;
};

AuthAnswerPointer no_answer(Reason why) {
  AuthAnswer none;
  none.fault = word(why);
  return std::make_shared<const AuthAnswer>(std::move(none));
}

// Null: the client is gone.
Task<AuthAnswerPointer> wait_for(Exchange& x, std::shared_ptr<Ask> ask) {
  const Waiting waiting(x, *ask);
  while (!ask->answer) {
    if (x.client_gone) co_return nullptr;
    if (x.now() >= ask->until) co_return no_answer(Reason::kResponseTimeout);
    co_await ask->bell.wait(ask->until);
  }
  co_return ask->answer;
}

// The answer that others wait for already, or one to a question of its own. What was another's alone is no answer.
Task<AuthAnswerPointer> hear_answer(Exchange& x, const ForwardAuth& auth, std::string_view question,
                                    std::optional<policy::Print> print) {
  std::shared_ptr<Ask> ask = print ? x.shard().asks().find({&auth, *print}) : nullptr;
  const bool joined = bool(ask);
  if (!joined) ask = Ask::begin(x, auth, question, print);
  AuthAnswerPointer answer = co_await wait_for(x, ask);
  if (!joined || !answer || !answer->own) co_return answer;
  ask = Ask::begin(x, auth, question, std::nullopt);
  answer = co_await wait_for(x, ask);
  co_return answer;
}

Failure let_pass(Exchange& x, AuthAnswerPointer answer) {
  count(x.shard(), x.service.rows.auth_passed);
  x.authorized = true;
  if (!answer->user.empty()) x.record.user = answer->user;
  if (!answer->client_lines.empty()) x.limit_lines = x.arena().join({x.limit_lines, answer->client_lines});
  x.permission = std::move(answer);
  return {};
}

Failure refuse(Exchange& x, AuthAnswerPointer answer) {
  count(x.shard(), x.service.rows.auth_refused);
  x.refusal = std::move(answer);
  return {};
}

Failure do_without(Exchange& x, const ForwardAuth& auth, const AuthAnswer& none) {
  count(x.shard(), x.service.rows.auth_away);
  const std::string_view why = none.status == 0 ? none.fault : word(Reason::kBackendError);
  if (!auth.pass_when_away) return failure(Reason::kAuthAway, why);
  x.authorized = true;
  x.record.detail = word(Reason::kAuthAway);
  return {};
}

Failure judge(Exchange& x, const ForwardAuth& auth, AuthAnswerPointer answer) {
  if (answer->passes()) return let_pass(x, std::move(answer));
  if (answer->refuses()) return refuse(x, std::move(answer));
  return do_without(x, auth, *answer);
}

}  // namespace

Task<Failure> ask_service(Exchange& x, const ForwardAuth& auth) {
  if (is_auth_question(x.head.headers)) co_return failure(Reason::kAuthLoop);
  const std::string_view question = write_question(x, auth), key = auth_key(x, auth, question);
  std::optional<policy::Print> print;
  AuthAnswerPointer answer;
  if (!key.empty()) {
    print = auth.memory->print_of(key);
    answer = auth.memory->find(*print, double(x.shard().unix_ms()) / 1000);
  }
  if (!answer) answer = co_await hear_answer(x, auth, question, print);
  if (!answer) co_return failure(Reason::kClientClosed);
  co_return judge(x, auth, std::move(answer));
}

Task<> tell_refusal(Exchange& x) {
  x.end().drop_body(x);
  x.close = x.end().ends_with(x, http::BodyKind::kLength);
  x.failure = {};
  auto& head = *x.arena().make<http::ResponseHead>();
  http::HeadScan scan;
  const std::string& came = x.refusal->head;
  if (!http::parse_response_head(came, {.bytes_max = came.size()}, scan, head).done()) head.status = 403;
  x.record.reason = word(Reason::kAuthRefused);
  co_await send_own(x, head, x.refusal->body);
}

}  // namespace cardea::l7::proxy
