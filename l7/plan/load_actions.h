// What routes of an image do, checked and made into values: nothing that a client is sent can hold a line's end. Part
// of load.cc.
#pragma once

#include <memory>

#include "base/error.h"
#include "l7/files/media_types.h"
#include "l7/plan_generated.h"
#include "l7/route/action.h"

namespace cardea::l7::plan_detail {

// `groups`: of the route's path, null where there are none. `types`: the system's, read with the first route of files.
Result<route::Action> load_action(const image::Route& route, const Pattern* groups, const image::Plan& plan,
                                  std::shared_ptr<const files::MediaTypes>& types);
// A pool is asked in one way more by each set of policies that changes other headers of requests. What stands for
// variables in them is each request's (proxy/told.h). Null: there are none.
void tell_origins_apart(route::Action& action, const settings::Policies* policies);
// Whether it can be looked into now.
Result<> find_folder(const route::Files& files);

}  // namespace cardea::l7::plan_detail
