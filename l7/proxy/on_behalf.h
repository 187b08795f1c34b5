// What an exchange of nobody's begins with that is made for a client's: what of that one is told to whom it goes to, in
// memory of its own.
#pragma once

#include "l7/policy/trusted_proxies.h"
#include "l7/proxy/record.h"

namespace cardea::l7 {
class Arena;
}

namespace cardea::l7::proxy {

class Exchange;

// With the client's id and trace.
Record record_on_behalf(const Exchange& exchange, Arena& arena);
policy::ToldByProxy told_on_behalf(const Exchange& exchange, Arena& arena);

}  // namespace cardea::l7::proxy
