// The sections of the document that have a file of rows of their own.
#pragma once

#include "conf/schema.h"

namespace cardea::conf {

const Section& dataplane_section();  // schema_dataplane.cc
const Section& pool_section();       // schema_pools.cc
const Section& service_section();    // schema_services.cc

}  // namespace cardea::conf
