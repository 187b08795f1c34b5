// What routes of an image match, as rows of the routing table. Part of load.cc.
#pragma once

#include <vector>

#include "base/error.h"
#include "l7/plan_generated.h"
#include "l7/route/table.h"

namespace cardea::l7::plan_detail {

using ImageNetworks = flatbuffers::Vector<const image::Network*>;
// Of none where there are none.
Result<> add_networks(std::vector<Prefix>& to, const ImageNetworks* from);

// They view the image.
Result<std::vector<route::RouteRow>> load_rows(const flatbuffers::Vector<flatbuffers::Offset<image::Route>>& routes);

}  // namespace cardea::l7::plan_detail
