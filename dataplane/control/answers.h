// What mgmt asks: the JSON of a question in, the JSON of its answer out. What workers know is asked of all of them at
// once and collected when each has said its part, so that nobody waits for a worker but who asked.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "dataplane/control/running.h"
#include "dataplane/state/neighbours.h"

namespace cardea::dataplane {

// A question under way. Its memory is the workers' until it is done; `running` outlives it.
class Inquiry {
 public:
  // {"ask": "status"}, {"ask": "flows", "service", "backend", "client", "limit"}, {"ask": "explain", "source",
  // "destination", "protocol"}, {"ask": "block", "sources": [["192.0.2.7", 60000], …]}, which alone changes something: in place
  // of those before. An Error says what is wrong with the question.
  static Result<std::unique_ptr<Inquiry>> begin(std::string_view question, Running& running,
                                                const Neighbours& neighbours);
  virtual ~Inquiry() = default;

  virtual bool done() const = 0;
  virtual Result<std::string> answer() = 0;  // once, when it is done
};

}  // namespace cardea::dataplane
