// The reading of wire/read_frame.h as a function to call, for whoever reads a frame now and then.
#include "dataplane/wire/frame.h"

#include "dataplane/wire/read_frame.h"

namespace cardea::dataplane::wire {

Frame read_frame(Bytes bytes, FlowTuple& tuple) {
  Frame frame;
  read_frame_into(frame, bytes, tuple);
  return frame;
}

uint16_t vlan_tags(Bytes bytes) {
  for (uint32_t tags = 0; tags <= kVlanTagsMax; ++tags) {
    const size_t at = 12 + size_t{tags} * kVlanTag;
    if (bytes.size() < at + 2) return 0;
    const uint16_t type = load_be16(bytes.data() + at);
    if (type != kEtherVlan && type != kEtherQinq) return uint16_t(tags * kVlanTag);
  }
  return 0;
}

Frame read_behind_tags(Bytes bytes, FlowTuple& tuple) {
  const uint16_t tags = vlan_tags(bytes);
  Frame frame = read_frame(bytes.subspan(tags), tuple);
  frame.l3 = uint16_t(frame.l3 + tags);
  if (frame.l4 != 0) frame.l4 = uint16_t(frame.l4 + tags);
  return frame;
}

}  // namespace cardea::dataplane::wire
