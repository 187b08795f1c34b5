# cmake -DOBJECT=share.bpf.o -DFOLDER=dataplane -DPLACE=xdp -DNAME=share -DOUT=share_program.h -P bpf_program_bytes.cmake
# The bytes of a compiled BPF program as a constant.
file(READ ${OBJECT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(SUBSTRING ${NAME} 0 1 first)
string(SUBSTRING ${NAME} 1 -1 rest)
string(TOUPPER ${first} first)
file(WRITE ${OUT} "// Made of ${FOLDER}/${PLACE}/${NAME}.bpf.c by tools/cmake/bpf_program.cmake.
#pragma once

namespace cardea::${FOLDER}::${PLACE} {
inline constexpr unsigned char k${first}${rest}Program[] = {${bytes}};
}  // namespace cardea::${FOLDER}::${PLACE}
")
