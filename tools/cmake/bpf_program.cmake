# cardea_bpf_program(TARGET SOURCE) — a program for the kernel's BPF machine, compiled by clang whatever compiles the rest, as
# bytes in "<folder>/<name>_program.h" of who links TARGET: `share.bpf.c` in dataplane/xdp becomes kShareProgram of
# dataplane/xdp/share_program.h. -g is for the types of its maps, which libbpf reads (.BTF); the rest of it is stripped.
find_program(CARDEA_BPF_CLANG clang-19 REQUIRED)
find_program(CARDEA_BPF_STRIP llvm-strip-19 REQUIRED)

function(cardea_bpf_program target source)
  cmake_path(GET source PARENT_PATH place)
  cmake_path(GET source FILENAME file)
  string(REPLACE ".bpf.c" "" name ${file})
  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE folder)
  set(stem ${CMAKE_BINARY_DIR}/${folder}/${place}/${name})
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/${folder}/${place})
  add_custom_command(
    OUTPUT ${stem}.bpf.o
    COMMAND ${CARDEA_BPF_CLANG} --target=bpf -mcpu=v3 -std=gnu17 -O2 -g -Wall -Wextra -Werror -I ${CMAKE_SOURCE_DIR}
            -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
            -MD -MF ${stem}.bpf.d -MT ${stem}.bpf.o -c ${folder}/${source} -o ${stem}.bpf.o
    COMMAND ${CARDEA_BPF_STRIP} -g ${stem}.bpf.o
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    DEPENDS ${source} DEPFILE ${stem}.bpf.d VERBATIM)
  set(script ${CMAKE_SOURCE_DIR}/tools/cmake/bpf_program_bytes.cmake)
  add_custom_command(
    OUTPUT ${stem}_program.h
    COMMAND ${CMAKE_COMMAND} -DOBJECT=${stem}.bpf.o -DFOLDER=${folder} -DPLACE=${place} -DNAME=${name} -DOUT=${stem}_program.h
            -P ${script}
    DEPENDS ${stem}.bpf.o ${script} VERBATIM)
  add_custom_target(${target}_bytes DEPENDS ${stem}_program.h)
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE cardea_settings)
  add_dependencies(${target} ${target}_bytes)
endfunction()
