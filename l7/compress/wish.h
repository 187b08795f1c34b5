// What a client takes, of what a route offers: the half of the choice that the request alone makes.
#pragma once

#include "l7/compress/choose.h"

namespace cardea::l7::compress {

struct Wish {
  Why why = Why::kUnwanted;
  const Offer* offer = nullptr;  // where it is kCompressed
};
Wish wish_of(const Settings& settings, const http::RequestHead& request);

}  // namespace cardea::l7::compress
