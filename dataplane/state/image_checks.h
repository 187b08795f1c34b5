// What an image of a plan, or of changed pools, has to be before anything is made of it: whole, of this schema, and
// within every limit. An Error names the cause in a sentence.
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "base/ip.h"
#include "dataplane/plan_generated.h"

namespace cardea::dataplane {

IpAddress address_of(const image::Address& address);

// They view `bytes`. What a pool of an update is called, and whether it is of the running plan, is not looked at here.
Result<const image::Plan*> checked_plan(Bytes bytes);
Result<const image::PoolUpdate*> checked_update(Bytes bytes, uint32_t backends_max);

}  // namespace cardea::dataplane
