// The sections of the document that have a file of rows of their own.
#pragma once

#include "conf/schema.h"

namespace cardea::conf {

const Section& dataplane_section();  // schema_dataplane.cc
const Section& l7_section();         // schema_l7.cc
const Section& cache_section();      // schema_l7.cc
const Section& pool_section();       // schema_pools.cc
const Section& service_section();    // schema_services.cc
const Section& tls_section();        // schema_routes.cc
const Section& route_section();      // schema_routes.cc

}  // namespace cardea::conf
