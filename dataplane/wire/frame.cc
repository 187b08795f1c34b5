// The reading of wire/read_frame.h as a function to call, for whoever reads a frame now and then.
#include "dataplane/wire/frame.h"

#include "dataplane/wire/read_frame.h"

namespace cardea::dataplane::wire {

Frame read_frame(Bytes bytes, FlowTuple& tuple) {
  Frame frame;
  read_frame_into(frame, bytes, tuple);
  return frame;
}

}  // namespace cardea::dataplane::wire
