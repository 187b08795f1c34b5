// Whether an attempt is made again elsewhere: what policy/retry.h says of it, within the pool's budget.
#pragma once

#include "l7/proxy/exchange.h"

namespace cardea::l7::proxy {

// The connection had idled, and its backend may have closed it before it saw the request. Not so where one call of
// several was broken off.
bool may_have_died_idle(const Exchange& x);

// Of the attempt that ended with x.failure. True: the retry is counted, and paid for.
bool takes_elsewhere(Exchange& x);

// Of an answer whose head just came, with nothing of it sent: another backend is asked for a better one. True: the
// retry is paid for, and the attempt has to end with unwanted().
bool wants_another_answer(Exchange& x, uint16_t status);
Failure unwanted(uint16_t status);

// Until when the head of a response is waited for.
Instant answer_deadline(const Exchange& x);

}  // namespace cardea::l7::proxy
