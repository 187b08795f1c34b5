// Questions to OCSP responders that are under way: asked by up to four threads that may wait, so that the control thread
// never does. Bounded for each responder and for all, and a responder has one of the threads at a time: one that is slow or
// away holds no other up, and the rest of its questions ends with the one that it did not answer. Control thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "l7/control/ocsp_fetch.h"
#include "l7/tls/certificate.h"

namespace cardea::l7 {

class OcspAsker {
 public:
  // Run by several threads. `stop`: as in fetch_ocsp.
  using Fetch = std::function<OcspAnswer(const std::string& url, std::string_view question, int stop)>;
  struct Question {
    std::shared_ptr<const tls::Certificate> certificate;
    std::string der;
    OcspAnswer answer = std::string();
  };
  static constexpr size_t kThreads = 4, kOpenMax = 64, kOpenOfOneMax = 8;

  explicit OcspAsker(Fetch fetch);
  // Tells who asks to stop and waits for a second at most: a name's look-up cannot be ended, and holds nothing of this.
  ~OcspAsker();
  OcspAsker(const OcspAsker&) = delete;

  bool has_room(const std::string& responder) const;
  void ask(Question question);           // there is room
  std::vector<Question> take_answers();  // since the last call

 private:
  struct State;
  static void work(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace cardea::l7
