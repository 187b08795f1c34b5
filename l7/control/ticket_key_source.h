// Where the keys of session tickets come from: a file that several hosts share, read again when it changes, or this
// process, which makes new ones now and then. Control thread only.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "l7/plan/file_identity.h"
#include "l7/tls/ticket_keys.h"

namespace cardea::l7 {

class TicketKeySource {
 public:
  // `path`: of the file; empty: they are made here. Null: nothing changed. An Error leaves all as it was.
  Result<std::shared_ptr<const tls::TicketKeys>> adopt(const std::string& path, Instant now);
  // The same, once in a while: new keys where it is time for them, or the file has changed. A file that cannot be used
  // is told once, and leaves the keys that were read before.
  std::shared_ptr<const tls::TicketKeys> tick(Instant now);

 private:
  std::shared_ptr<const tls::TicketKeys> reread(Instant now);
  std::shared_ptr<const tls::TicketKeys> rotate(Instant now);

  std::shared_ptr<const tls::TicketKeys> keys_;
  std::string path_;
  FileIdentity file_, bad_;
  Instant made_{}, looked_{};
};

}  // namespace cardea::l7
